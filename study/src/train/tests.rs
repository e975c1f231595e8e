//! Rates epoch by epoch, early stopping, and what old specs say.

use super::{EarlyStopping, Monitor, Optimizer, OptimizerKind, Order, Rate, RateState, TrainSpec};
use crate::outcome::EpochRecord;

/// Training with a schedule (and other settings) as a spec writes it.
fn train(settings: &str) -> TrainSpec {
    let text = format!("epochs = 9\nbatch_size = 4\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n{settings}");
    toml::from_str(&text).expect("settings")
}

fn rates(train: &TrainSpec, epochs: u32) -> Vec<f64> {
    let mut rate = Rate::new(train, 1);
    let after = |epoch| {
        let now = rate.at(0).lr;
        rate.end_epoch(epoch, None, None);
        now
    };
    (1..=epochs).map(after).collect()
}

#[test]
fn a_rate_goes_on_from_its_state_after_any_epoch() {
    let settings = [
        "",
        "schedule = { step = { every = 2, gamma = 0.3 } }",
        // Reaches infinity.
        "schedule = { multi_step = { milestones = [1, 2, 2, 3, 4, 5, 6], gamma = 10.0 } }\n\
         [optimizer]\nkind = \"sgd\"\nlr = 1e305",
        "schedule = { exponential = { gamma = 0.7 } }",
        "schedule = { cosine = { epochs = 4, min_lr = 0.01 } }",
        "schedule = { cosine_restarts = { first = 2, factor = 2 } }",
        "schedule = { one_cycle = { momentum = [0.95, 0.85], three_phases = true } }",
        "schedule = { reduce_on_plateau = { factor = 0.7, patience = 1, min_lr = 1e-3, cooldown = 1, monitor = \"val_accuracy\" } }",
        "warm_up = { steps = 7, start = 0.0 }\nschedule = { exponential = { gamma = 0.7 } }",
    ];
    let accuracies = [0.1, 0.4, 0.4, 0.3, 0.35, 0.5, 0.5, 0.5, 0.2];
    for settings in settings {
        let text = match settings.split_once("[optimizer]") {
            Some((head, optimizer)) => {
                format!("epochs = 9\nbatch_size = 4\n{head}\n[optimizer]{optimizer}")
            }
            None => {
                format!("epochs = 9\nbatch_size = 4\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n{settings}")
            }
        };
        let train: TrainSpec = toml::from_str(&text).expect("settings");
        let after = |rate: &mut Rate, epochs: std::ops::RangeInclusive<u32>| -> Vec<String> {
            epochs
                .map(|epoch| {
                    let paces = [0, 1, 2].map(|step| rate.at(step));
                    rate.end_epoch(epoch, None, Some(accuracies[epoch as usize - 1]));
                    format!("{paces:?}")
                })
                .collect()
        };
        let whole = after(&mut Rate::new(&train, 3), 1..=9);
        for cut in 1..9 {
            let mut first = Rate::new(&train, 3);
            let mut rates = after(&mut first, 1..=cut);
            let text = serde_json::to_string(&first.state()).expect("numbers");
            let state: RateState = serde_json::from_str(&text).expect("the same numbers");
            let mut second = Rate::new(&train, 3);
            second.resume(state);
            rates.extend(after(&mut second, cut + 1..=9));
            assert_eq!(rates, whole, "{settings}, cut after {cut}");
        }
    }
}

#[test]
fn step_changes_after_each_period() {
    let rates = rates(&train("schedule = { step = { every = 2, gamma = 0.5 } }"), 5);
    assert_eq!(rates, [0.1, 0.1, 0.05, 0.05, 0.025]);
}

#[test]
fn plateau_waits_for_more_than_patience() {
    let train = train("schedule = { reduce_on_plateau = { factor = 0.5, patience = 1 } }");
    let mut rate = Rate::new(&train, 1);
    let losses = [1.0, 1.0, 1.0, 0.5, 0.6];
    let after = losses.iter().zip(1..).map(|(&loss, epoch)| {
        rate.end_epoch(epoch, Some(loss), None);
        rate.at(0).lr
    });
    assert_eq!(after.collect::<Vec<f64>>(), [0.1, 0.1, 0.05, 0.05, 0.05]);
}

#[test]
fn early_stopping_counts_epochs_without_an_improvement() {
    let stopping = EarlyStopping { patience: 2, min_delta: 0.1, monitor: Monitor::ValLoss };
    let record = |(epoch, &loss): (u32, &f64)| EpochRecord {
        epoch,
        train_loss: 0.0,
        train_accuracy: None,
        val_loss: Some(loss),
        val_accuracy: None,
        lr: 0.1,
    };
    let records: Vec<EpochRecord> = (1..).zip(&[1.0, 0.95, 0.85, 0.8, 0.76, 0.7]).map(record).collect();
    let ends: Vec<bool> = (1..=6).map(|count| stopping.ends(&records[..count])).collect();
    assert_eq!(ends, [false, false, false, false, true, false]);
    assert!(!stopping.ends(&[EpochRecord { val_loss: None, ..records[0] }; 9]));
}

#[test]
fn the_truth_value_that_specs_had_for_the_order_is_still_read() {
    assert_eq!(train("shuffle = false").order, Order::Given);
    assert_eq!(train("shuffle = true").order, Order::Shuffled);
    assert_eq!(train("order = \"given\"").order, Order::Given);
    let made = TrainSpec::new(9, 4, Optimizer::new(OptimizerKind::Sgd, 0.1));
    assert_eq!(train(""), made);
}

#[test]
fn dropped_rows_are_not_counted() {
    assert_eq!([train("").steps(10), train("").rows(10)], [3, 10]);
    let dropping = train("drop_last = true");
    assert_eq!([dropping.steps(10), dropping.rows(10)], [2, 8]);
    assert_eq!(dropping.steps(3), 0);
}
