//! Changes of rows are torchvision's (`tests/golden/augment.py`), and their draws spread as its draws do.

use foldwise_study::network::{Layer, NetworkSpec};
use foldwise_study::seed::Source;
use foldwise_study::train::{
    Augmentation, Crop, Erase, Flip, Interpolation, Noise, Optimizer, OptimizerKind, Rotate, Shift, TrainSpec,
};
use serde::Deserialize;
use tch::{Device, Tensor};

use super::{Affine, Augmenter, Draws, compose, inverse_of, rectangle, shifted, turned};
use crate::trainer::Member;

/// Standard errors that one sample in 10,000 is off.
const ERRORS: f64 = 3.9;

#[derive(Debug, Deserialize)]
struct Golden {
    /// How many torchvision took.
    draws: f64,
    turned: Vec<Turned>,
    shifted: Vec<Shifted>,
    erased: Vec<Erased>,
}

#[derive(Debug, Deserialize)]
struct Turned {
    shape: Vec<usize>,
    picture: Vec<f32>,
    interpolation: Interpolation,
    angles: Vec<f64>,
    turned: Vec<Vec<f32>>,
}

/// Counts of moves by so many pixels.
#[derive(Debug, Deserialize)]
struct Shifted {
    sides: [usize; 2],
    shares: [f64; 2],
    down: Vec<(f64, f64)>,
    right: Vec<(f64, f64)>,
}

/// Means and deviations of top, left, height and width.
#[derive(Debug, Deserialize)]
struct Erased {
    sides: [usize; 2],
    area: [f64; 2],
    aspect: [f64; 2],
    share: f64,
    means: [f64; 4],
    deviations: [f64; 4],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/augment.json")).expect("cases")
}

fn source(fold: u32) -> Source {
    Source { study: 5, train: None, trial: None, fold }
}

/// The changes of streams with these sources.
fn augmenter(shape: &[usize], changes: &[Augmentation], sources: &[Source]) -> Augmenter {
    let layers = Some(vec![Layer::Flatten, Layer::Output]);
    let network = NetworkSpec { layers, ..NetworkSpec::default() }.resolve(shape, 2).expect("fits");
    let optimizer = Optimizer::new(OptimizerKind::Sgd, 0.1);
    let train = TrainSpec { augment: changes.to_vec(), ..TrainSpec::new(1, 1, optimizer) };
    let member = |&source: &Source| Member {
        network: network.clone(),
        train: train.clone(),
        source,
        train_rows: Vec::new(),
        validation_rows: Vec::new(),
    };
    let members: Vec<Member> = sources.iter().map(member).collect();
    Augmenter::new(&members.iter().collect::<Vec<_>>(), shape, Device::Cpu).expect("changes")
}

/// Pictures `[n, C, H, W]` as rows that are held, channels last.
fn held(pictures: &Tensor) -> Tensor {
    pictures.permute([0, 2, 3, 1]).reshape([pictures.size()[0], -1])
}

fn pictures(count: i64, shape: [usize; 3]) -> Tensor {
    let [c, h, w] = shape.map(|side| side as i64);
    // No two numbers alike, and none zero.
    let numbers = Tensor::arange_start(1, count * c * h * w + 1, (tch::Kind::Float, Device::Cpu));
    (numbers * 0.618_034).frac().view((count, c, h, w)) + 0.1
}

fn rotate(degrees: f64, interpolation: Interpolation) -> Augmentation {
    Augmentation::Rotate(Rotate { degrees, interpolation })
}

/// Draws as a stage takes them, each from a key of its own.
fn draws(count: usize) -> impl Iterator<Item = Draws> {
    let mut keys = Draws(77);
    (0..count).map(move |_| Draws(keys.next()))
}

#[test]
fn turned_pictures_are_torchvisions() {
    for case in golden().turned {
        let shape = case.shape.as_slice();
        let augmenter = augmenter(shape, &[rotate(1.0, case.interpolation)], &[source(0)]);
        let [c, h, w] = [0, 1, 2].map(|side| shape[side] as i64);
        let row = held(&Tensor::from_slice(&case.picture).view((1, c, h, w)));
        let rows = row.repeat([case.angles.len() as i64, 1]);
        let maps: Vec<Affine> = case.angles.iter().map(|&angle| turned(angle)).collect();
        let found = augmenter.sampled(&rows, &maps, case.interpolation).expect("memory");
        for ((angle, expected), index) in case.angles.iter().zip(&case.turned).zip(0..) {
            let expected = held(&Tensor::from_slice(expected).view((1, c, h, w)));
            let off = (found.narrow(0, index, 1) - expected).abs().max().double_value(&[]);
            assert!(off < 2e-5, "{shape:?} by {angle}°, {:?}: {off}", case.interpolation);
        }
    }
}

#[test]
fn flips_that_are_certain_mirror() {
    let pictures = pictures(5, [2, 6, 7]);
    for (horizontal, vertical, sides) in
        [(1.0, 0.0, vec![3_i64]), (0.0, 1.0, vec![2]), (1.0, 1.0, vec![2, 3]), (0.0, 0.0, vec![])]
    {
        let flip = Augmentation::Flip(Flip { horizontal, vertical });
        let found = augmenter(&[2, 6, 7], &[flip], &[source(1)]).apply(&held(&pictures), 3).expect("memory");
        assert!(found.equal(&held(&pictures.flip(sides.as_slice()))), "{sides:?}");
    }
}

/// The picture moved, zeros coming in.
fn moved(pictures: &Tensor, down: i64, right: i64) -> Tensor {
    let (height, width) = (pictures.size()[2], pictures.size()[3]);
    let padded = pictures.constant_pad_nd([9_i64, 9, 9, 9]);
    padded.narrow(2, 9 - down, height).narrow(3, 9 - right, width)
}

#[test]
fn moves_by_whole_pixels_bring_zeros_in() {
    let (shape, picture) = ([3, 6, 7], pictures(1, [3, 6, 7]));
    let augmenter = augmenter(&shape, &[rotate(1.0, Interpolation::Nearest)], &[source(0)]);
    for (down, right) in [(0, 0), (1, 0), (0, 1), (-2, 3), (3, -2), (5, 6), (-6, 0), (0, 7)] {
        let map = shifted(f64::from(down), f64::from(right));
        let expected = held(&moved(&picture, down.into(), right.into()));
        let of = |interpolation| augmenter.sampled(&held(&picture), &[map], interpolation).expect("memory");
        assert!(of(Interpolation::Nearest).equal(&expected), "{down} {right}");
        assert!(of(Interpolation::Bilinear).allclose(&expected, 0.0, 1e-5, false), "{down} {right}");
        // A move, then a mirror, sampled once.
        let mirror = [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let both = augmenter.sampled(&held(&picture), &[compose(map, mirror)], Interpolation::Nearest);
        let expected = held(&moved(&picture, down.into(), right.into()).flip([3_i64]));
        assert!(both.expect("memory").equal(&expected), "{down} {right}, mirrored");
    }
}

/// Pearson's χ² of counts, within what one sample in 10,000 passes (Wilson and Hilferty).
fn alike(what: &str, found: &[f64], expected: &[f64], errors_of_expected: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let squares: f64 =
        found.iter().zip(expected).map(|(found, expected)| (found - expected).powi(2) / expected).sum();
    let freedom = (found.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    let most = freedom * (1.0 - spread + 3.72 * spread.sqrt()).powi(3) * (1.0 + errors_of_expected);
    assert!(squares <= most, "{what}: χ² {squares} of at most {most}, {found:?} for {expected:?}");
}

fn counts(values: &[f64], at: impl Iterator<Item = f64>) -> Vec<f64> {
    at.map(|at| values.iter().filter(|&&value| value == at).count() as f64).collect()
}

#[test]
fn shifts_and_crops_are_spread_as_torchvisions() {
    let golden = golden();
    let count = 40_000;
    let of = |change: &Augmentation, sides| -> [Vec<f64>; 2] {
        let map = |mut draws: Draws| inverse_of(change, sides, &mut draws);
        let (down, right): (Vec<f64>, Vec<f64>) =
            draws(count).map(map).map(|map| (0.0 - map[5], 0.0 - map[2])).unzip();
        let both = down.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>() / count as f64;
        let square = |values: &[f64]| values.iter().map(|value| value.powi(2)).sum::<f64>() / count as f64;
        let correlation = both / (square(&down) * square(&right)).sqrt();
        assert!(correlation.abs() <= ERRORS / (count as f64).sqrt(), "{change:?}: {correlation}");
        [down, right]
    };
    for case in &golden.shifted {
        let [height, width] = case.shares;
        let found = of(&Augmentation::Shift(Shift { height, width }), case.sides);
        for (found, expected) in found.iter().zip([&case.down, &case.right]) {
            let (at, expected): (Vec<f64>, Vec<f64>) = expected.iter().copied().unzip();
            assert_eq!(golden.draws, count as f64);
            let found = counts(found, at.into_iter());
            assert_eq!(found.iter().sum::<f64>(), count as f64, "no other moves than torchvision's");
            // Both sides were drawn, so that differences vary twice as much.
            alike(&format!("{:?}", case.shares), &found, &expected, 1.0);
        }
    }
    for found in of(&Augmentation::Crop(Crop { padding: 3 }), [8, 9]) {
        alike("crop", &counts(&found, (-3..=3).map(f64::from)), &[count as f64 / 7.0; 7], 0.0);
    }
}

#[test]
fn angles_are_uniform_and_flips_as_likely_as_they_should_be() {
    let count = 20_000;
    let mut angles: Vec<f64> = draws(count)
        .map(|mut draws| inverse_of(&rotate(30.0, Interpolation::Nearest), [8, 8], &mut draws))
        .map(|map| map[3].atan2(map[0]).to_degrees())
        .collect();
    angles.sort_by(f64::total_cmp);
    let distance = angles.iter().zip(0..).fold(0.0_f64, |most, (angle, rank)| {
        let (below, rank) = ((angle + 30.0) / 60.0, f64::from(rank));
        most.max(below - rank / count as f64).max((rank + 1.0) / count as f64 - below)
    });
    // Kolmogorov's and Smirnov's statistic that one sample in 10,000 passes.
    assert!(distance * (count as f64).sqrt() <= 2.226, "{distance}");
    let flip = Augmentation::Flip(Flip { horizontal: 0.5, vertical: 0.2 });
    let mut found = [0.0; 4];
    for mut draws in draws(count) {
        let map = inverse_of(&flip, [8, 8], &mut draws);
        found[usize::from(map[0] < 0.0) * 2 + usize::from(map[4] < 0.0)] += 1.0;
    }
    alike("flips", &found, &[0.4, 0.1, 0.4, 0.1].map(|share| share * count as f64), 0.0);
}

#[test]
fn erased_rectangles_keep_to_their_bounds_and_are_spread_as_torchvisions() {
    let golden = golden();
    let count = 20_000;
    for case in &golden.erased {
        let ([height, width], [least, most], [low, high]) = (case.sides, case.area, case.aspect);
        let erase = Erase { probability: 1.0, area: case.area, aspect: case.aspect, value: -1.0 };
        let mut found: Vec<[f64; 4]> = Vec::new();
        for mut draws in draws(count) {
            let [top, bottom, left, right] =
                rectangle(&erase, case.sides, &mut draws).map(|side| i32::try_from(side).expect("small"));
            if [top, bottom, left, right] == [0; 4] {
                continue;
            }
            let [top, left, tall, wide] = [top, left, bottom - top, right - left].map(f64::from);
            let (h, w) = (height as f64, width as f64);
            assert!(top >= 0.0 && left >= 0.0 && top + tall <= h && left + wide <= w && tall < h && wide < w);
            // Sides were rounded, so each was up to half a pixel off.
            let (less, more) = ((tall - 0.5) * (wide - 0.5), (tall + 0.5) * (wide + 0.5));
            assert!(less <= most * h * w && more >= least * h * w, "{tall} × {wide}");
            assert!((tall - 0.5) / (wide + 0.5) <= high && (tall + 0.5) / (wide - 0.5).max(0.1) >= low);
            found.push([top, left, tall, wide]);
        }
        let share = found.len() as f64 / count as f64;
        let error = |share: f64| (share * (1.0 - share) * (1.0 / golden.draws + 1.0 / count as f64)).sqrt();
        assert!((share - case.share).abs() <= ERRORS * error(case.share), "{share} for {}", case.share);
        let kept = found.len() as f64;
        for index in 0..4 {
            let mean = found.iter().map(|own| own[index]).sum::<f64>() / kept;
            let deviation = (found.iter().map(|own| (own[index] - mean).powi(2)).sum::<f64>() / kept).sqrt();
            let (means, deviations) = (case.means[index], case.deviations[index]);
            let error = deviations * (1.0 / (golden.draws * case.share) + 1.0 / kept).sqrt();
            assert!((mean - means).abs() <= ERRORS * error, "{index}: mean {mean} for {means}");
            assert!((deviation / deviations - 1.0).abs() < 0.03, "{index}: {deviation} for {deviations}");
        }
        assert_eq!(rectangle(&Erase { probability: 0.0, ..erase }, case.sides, &mut Draws(3)), [0; 4]);
    }
}

#[test]
fn an_erased_rectangle_is_written_and_nothing_else() {
    let pictures = pictures(40, [2, 9, 8]);
    let erase = Erase { probability: 1.0, area: [0.1, 0.3], aspect: [0.5, 2.0], value: -7.5 };
    let changes = [Augmentation::Erase(erase)];
    let found = augmenter(&[2, 9, 8], &changes, &[source(2)]).apply(&held(&pictures), 1).expect("memory");
    let found = found.view((40, 9, 8, 2)).permute([0, 3, 1, 2]);
    let erased = found.eq(-7.5);
    assert!(found.where_self(&erased.logical_not(), &pictures).equal(&pictures));
    for row in 0..40 {
        let channels = [0, 1].map(|channel| erased.select(0, row).select(0, channel));
        assert!(channels[0].equal(&channels[1]), "all channels of row {row}");
        let sides = [1_i64, 0].map(|side| channels[0].any_dim(side, false).sum(tch::Kind::Int64));
        let area = channels[0].sum(tch::Kind::Int64).int64_value(&[]);
        let [tall, wide] = sides.map(|side| side.int64_value(&[]));
        assert!(area > 0 && area == tall * wide, "row {row} is no rectangle");
    }
}

#[test]
fn noise_is_normal_with_its_deviation() {
    let rows = Tensor::full([500, 60], 0.25, (tch::Kind::Float, Device::Cpu));
    let noise = [Augmentation::Noise(Noise { std: 0.3 })];
    let found = augmenter(&[60], &noise, &[source(0)]).apply(&rows, 0).expect("memory") - 0.25;
    let count = 30_000.0_f64;
    let moment = |power: f64| found.pow_tensor_scalar(power).mean(tch::Kind::Double).double_value(&[]);
    assert!(moment(1.0).abs() <= ERRORS * 0.3 / count.sqrt());
    assert!((moment(2.0) / 0.09 - 1.0).abs() <= ERRORS * (2.0 / count).sqrt());
    assert!((moment(4.0) / moment(2.0).powi(2) - 3.0).abs() <= ERRORS * (24.0 / count).sqrt());
}

#[test]
fn changes_depend_on_source_and_step_alone() {
    let shape = [2, 8, 8];
    let erase = Erase { probability: 0.5, area: [0.1, 0.3], aspect: [0.5, 2.0], value: 0.0 };
    let changes = [
        Augmentation::Flip(Flip { horizontal: 0.5, vertical: 0.5 }),
        rotate(20.0, Interpolation::Bilinear),
        Augmentation::Erase(erase),
        Augmentation::Crop(Crop { padding: 2 }),
        Augmentation::Noise(Noise { std: 0.1 }),
    ];
    let rows = held(&pictures(6, shape));
    let sources = [source(0), source(1), source(2)];
    let fused = augmenter(&shape, &changes, &sources);
    let of = |augmenter: &Augmenter, rows: &Tensor, step| augmenter.apply(rows, step).expect("memory");
    for step in [0, 1, 1_000_000] {
        let together = of(&fused, &rows.repeat([3, 1]), step);
        assert!(together.equal(&of(&fused, &rows.repeat([3, 1]), step)), "again in step {step}");
        for (source, stream) in sources.iter().zip(0..) {
            let alone = of(&augmenter(&shape, &changes, &[*source]), &rows, step);
            assert!(together.narrow(0, stream * 6, 6).equal(&alone), "stream {stream} in step {step}");
        }
        assert!(!together.narrow(0, 0, 6).equal(&together.narrow(0, 6, 6)), "another source");
        assert!(!together.equal(&of(&fused, &rows.repeat([3, 1]), step + 1)), "another step");
    }
}
