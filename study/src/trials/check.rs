//! What is wrong with one trial's settings, for rows like these.

use super::RowFacts;
use crate::spec::Problem;
use crate::train::{Augmentation, Clip, Loss, Monitor, OptimizerKind, Schedule, TrainSpec};

/// Everything wrong with how a trial is trained.
pub(super) fn check_trial(train: &TrainSpec, loss: Loss, rows: &RowFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_optimizer(train, &mut problems);
    check_loss(train, loss, rows, &mut problems);
    check_pace(train, rows, &mut problems);
    check_augment(train, rows, &mut problems);
    problems
}

fn check_optimizer(train: &TrainSpec, problems: &mut Vec<Problem>) {
    use OptimizerKind::{Adagrad, Adam, Adamw, Rmsprop, Sgd};
    let optimizer = &train.optimizer;
    let settings = [
        ("momentum", optimizer.momentum.is_some(), &[Sgd, Rmsprop][..], "sgd and rmsprop"),
        ("dampening", optimizer.dampening.is_some(), &[Sgd], "sgd"),
        ("nesterov", optimizer.nesterov.is_some(), &[Sgd], "sgd"),
        ("betas", optimizer.betas.is_some(), &[Adam, Adamw], "adam and adamw"),
        ("amsgrad", optimizer.amsgrad.is_some(), &[Adam, Adamw], "adam and adamw"),
        ("alpha", optimizer.alpha.is_some(), &[Rmsprop], "rmsprop"),
        ("centered", optimizer.centered.is_some(), &[Rmsprop], "rmsprop"),
        ("lr_decay", optimizer.lr_decay.is_some(), &[Adagrad], "adagrad"),
        ("initial_accumulator", optimizer.initial_accumulator.is_some(), &[Adagrad], "adagrad"),
        (
            "eps",
            optimizer.eps.is_some(),
            &[Adam, Adamw, Rmsprop, Adagrad],
            "adam, adamw, rmsprop and adagrad",
        ),
    ];
    for (field, given, kinds, words) in settings {
        if given && !kinds.contains(&optimizer.kind) {
            let message = format!("`{field}` is a setting of {words}");
            problems.push(Problem::new(format!("train.optimizer.{field}"), message));
        }
    }
    if optimizer.nesterov() && (optimizer.momentum() <= 0.0 || optimizer.dampening() > 0.0) {
        let message = "needs a `momentum` greater than 0, and no `dampening`";
        problems.push(Problem::new("train.optimizer.nesterov", message));
    }
    if optimizer.betas().iter().any(|beta| !(0.0..1.0).contains(beta)) {
        problems.push(Problem::new("train.optimizer.betas", "must be at least 0 and less than 1"));
    }
    if optimizer.kind == Adagrad && optimizer.eps() <= 0.0 && optimizer.initial_accumulator() <= 0.0 {
        problems.push(Problem::new("train.optimizer.eps", "must be greater than 0 where sums start at 0"));
    }
}

fn check_loss(train: &TrainSpec, loss: Loss, rows: &RowFacts, problems: &mut Vec<Problem>) {
    if loss.needs_classes() && rows.classes.is_none() {
        let problem = Problem::new("train.loss", "cross_entropy needs classes, but the target is a number");
        problems.push(problem.hint("use mean_squared_error, or task = \"classification\" in [data]"));
    }
    if rows.classes == Some(1) {
        let problem =
            Problem::new("data", "all training rows are of one class: there is nothing to tell apart");
        problems.push(problem.hint("give rows of two classes or more, or task = \"regression\" in [data]"));
    }
    let settings = [
        ("label_smoothing", train.label_smoothing.is_some(), Loss::CrossEntropy, "cross_entropy"),
        ("class_weights", train.class_weights.is_some(), Loss::CrossEntropy, "cross_entropy"),
        ("huber_delta", train.huber_delta.is_some(), Loss::Huber, "huber"),
    ];
    for (field, given, wanted, word) in settings {
        if given && loss != wanted {
            let message = format!("`{field}` is a setting of the loss {word}");
            problems.push(Problem::new(format!("train.{field}"), message));
        }
    }
    if let (Some(weights), Some(classes)) = (&train.class_weights, rows.classes) {
        if weights.len() != classes {
            let message = format!("{} weights for {classes} classes: give one for each", weights.len());
            problems.push(Problem::new("train.class_weights", message));
        }
        let positive = |weight: &f64| *weight > 0.0 && weight.is_finite();
        if !weights.iter().all(positive) {
            problems.push(Problem::new("train.class_weights", "must be greater than 0"));
        }
    }
    if train.huber_delta.is_some_and(|delta| delta <= 0.0) {
        problems.push(Problem::new("train.huber_delta", "must be greater than 0"));
    }
}

fn check_pace(train: &TrainSpec, rows: &RowFacts, problems: &mut Vec<Problem>) {
    let watches = |monitor| monitor == Monitor::ValAccuracy && rows.classes.is_none();
    let numbers = "val_accuracy needs classes, but the target is a number";
    if let Schedule::ReduceOnPlateau(plateau) = &train.schedule
        && watches(plateau.monitor)
    {
        problems.push(Problem::new("train.schedule.reduce_on_plateau.monitor", numbers));
    }
    if train.early_stopping.as_ref().is_some_and(|stopping| watches(stopping.monitor)) {
        problems.push(Problem::new("train.early_stopping.monitor", numbers));
    }
    if let Schedule::OneCycle(cycle) = &train.schedule
        && let Some(momenta) = cycle.momentum
    {
        let moving = matches!(train.optimizer.kind, OptimizerKind::Adam | OptimizerKind::Adamw)
            || train.optimizer.momentum() > 0.0;
        if !moving {
            let message = "moves a momentum that the optimizer does not have";
            problems.push(
                Problem::new("train.schedule.one_cycle.momentum", message)
                    .hint("give the optimizer a `momentum`"),
            );
        }
        if momenta.iter().any(|momentum| !(*momentum > 0.0 && *momentum < 1.0)) {
            let message = "must lie between 0 and 1, neither included";
            problems.push(Problem::new("train.schedule.one_cycle.momentum", message));
        }
    }
    if let Some(warm_up) = &train.warm_up
        && warm_up.epochs.is_some() == warm_up.steps.is_some()
    {
        problems.push(Problem::new("train.warm_up", "give exactly one of `epochs` and `steps`"));
    }
    if let Some(Clip::Norm(most) | Clip::Value(most)) = train.clip
        && most <= 0.0
    {
        problems.push(Problem::new("train.clip", "must be greater than 0"));
    }
}

fn check_augment(train: &TrainSpec, rows: &RowFacts, problems: &mut Vec<Problem>) {
    for (index, augmentation) in train.augment.iter().enumerate() {
        let at = |field: &str| format!("train.augment.{index}.{}{field}", augmentation.word());
        if augmentation.needs_pictures() && rows.shape.len() != 3 {
            let message = format!("needs pictures [C, H, W], but rows are {:?}", rows.shape);
            problems.push(Problem::new(at(""), message));
        }
        if let Augmentation::Erase(erase) = augmentation {
            let ordered = |[least, most]: [f64; 2], bound: f64| 0.0 < least && least <= most && most <= bound;
            if !ordered(erase.area, 1.0) {
                let message = "must be two shares above 0 and up to 1, the smaller first";
                problems.push(Problem::new(at(".area"), message));
            }
            if !ordered(erase.aspect, f64::MAX) {
                let message = "must be two numbers above 0, the smaller first";
                problems.push(Problem::new(at(".aspect"), message));
            }
        }
    }
}
