//! What rows look like to a person: their held numbers as they were before they were normalized, in 8 bits.

use foldwise_study::outcome::{PICTURE_SIDE_MAX, PICTURES_MAX, Picture, Predictions, WrongRow};
use tch::Tensor;

use super::TrainError;
use super::data::DeviceData;

/// Gives the first wrong rows of each of `found`, predictions of rows `index` (`[R, n]`), their pictures, where rows are
/// pictures.
pub(super) fn add(data: &DeviceData, index: &Tensor, found: &mut [Predictions]) -> Result<(), TrainError> {
    let &[channels @ (1 | 3), height, width] = data.shape() else { return Ok(()) };
    let shape = Shape { channels, height, width };
    // They are all of the test set, whose rows are numbered anew, or none of them is: whatever part they are called.
    let test = index.numel() > 0 && index.f_int64_value(&[0, 0])? >= data.train_rows() as i64;
    let first = if test { data.train_rows() } else { 0 };
    for predictions in found {
        let classes = predictions.classes.iter_mut().flat_map(|classes| &mut classes.first_wrong);
        let mut wrong: Vec<&mut WrongRow> = classes.flatten().take(PICTURES_MAX).collect();
        if wrong.is_empty() {
            continue;
        }
        let rows: Vec<i64> = wrong.iter().map(|wrong| first as i64 + i64::from(wrong.row)).collect();
        let rows = data.plain(&Tensor::f_from_slice(&rows)?.f_to(data.device())?)?;
        let numbers = Vec::<f32>::try_from(rows.f_view([-1])?)?;
        for (wrong, numbers) in wrong.iter_mut().zip(numbers.chunks_exact(channels * height * width)) {
            wrong.picture = shape.picture(numbers);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    channels: usize,
    height: usize,
    width: usize,
}

impl Shape {
    /// Numbers `[H, W, C]` as a picture, made smaller by a whole factor where they are too many. Numbers between 0 and 1 are
    /// shades from black to white; of others the least is black and the largest white.
    fn picture(self, numbers: &[f32]) -> Option<Picture> {
        let (low, high) = range(numbers);
        let factor = self.height.max(self.width).div_ceil(PICTURE_SIDE_MAX as usize);
        let (height, width) = (self.height.div_ceil(factor), self.width.div_ceil(factor));
        let mut bytes = Vec::with_capacity(height * width * self.channels);
        for y in 0..height {
            for x in 0..width {
                for channel in 0..self.channels {
                    let shade = (self.mean(numbers, (y, x, channel), factor) - low) / (high - low);
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "between 0 and 255"
                    )]
                    bytes.push((255.0 * shade.clamp(0.0, 1.0)).round() as u8);
                }
            }
        }
        let [width, height, channels] = [width, height, self.channels].map(u32::try_from);
        Picture::new(width.ok()?, height.ok()?, channels.ok()?, &bytes).ok()
    }

    /// The mean of the square of `factor` pixels a side that pixel `(y, x)` stands for; what is missing counts as 0.
    fn mean(self, numbers: &[f32], (y, x, channel): (usize, usize, usize), factor: usize) -> f32 {
        let within = |at: usize, end: usize| at * factor..((at + 1) * factor).min(end);
        let (mut sum, mut count) = (0.0, 0.0_f32);
        for y in within(y, self.height) {
            for x in within(x, self.width) {
                let number = numbers[(y * self.width + x) * self.channels + channel];
                sum += if number.is_finite() { number } else { 0.0 };
                count += 1.0;
            }
        }
        sum / count.max(1.0)
    }
}

/// What is black and what is white.
fn range(numbers: &[f32]) -> (f32, f32) {
    /// What rounding adds when numbers are taken back from normalized ones.
    const SLACK: f32 = 1e-3;
    let finite = || numbers.iter().copied().filter(|number| number.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    // Nothing finite leaves low above high.
    if low > high || (low >= -SLACK && high <= 1.0 + SLACK) {
        (0.0, 1.0)
    } else if high > low {
        (low, high)
    } else {
        (low - 1.0, low + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::measure::Part;
    use foldwise_study::outcome::{ClassPredictions, Predictions, WrongRow};
    use tch::{Device, Tensor};

    use super::{Shape, add};
    use crate::trainer::data::{DeviceData, Features, Normalize, Part as Rows, Source, Targets};

    fn wrong(row: u32) -> Option<WrongRow> {
        Some(WrongRow { row, predicted: 0, probability: None, picture: None })
    }

    fn predictions(part: Part, first_wrong: Vec<Option<WrongRow>>) -> Predictions {
        let classes = Some(ClassPredictions { confusion: vec![vec![0; 2]; 2], first_wrong });
        Predictions { part, epoch: 1, rows: 2, loss: 0.5, accuracy: None, classes, numbers: None }
    }

    #[test]
    fn bytes_are_those_of_the_file_however_they_are_held() {
        let train: Vec<u8> = (0..2 * 3 * 4 * 5_u8).map(|at| at.wrapping_mul(7)).collect();
        let test: Vec<u8> = train.iter().rev().copied().collect();
        let part = |bytes| Rows {
            features: Features::Bytes(bytes),
            targets: Targets::Classes { labels: &[0, 1], count: 2 },
        };
        let fixed = Normalize::Fixed { mean: &[0.3, 0.1, -0.5], std: &[0.2, 3.0, 0.01] };
        let ways =
            [(None, false), (Some(fixed), false), (Some(fixed), true), (Some(Normalize::Fitted), false)];
        for (normalize, raw) in ways {
            let source =
                Source { shape: &[3, 4, 5], train: part(&train), test: Some(part(&test)), normalize, raw };
            let data = DeviceData::new(source, Device::Cpu).expect("fits");
            let index = |rows: [i64; 2]| Tensor::from_slice(&rows).view((1, 2));
            let mut found = [
                predictions(Part::Validation, vec![None, wrong(1)]),
                // The test set may validate.
                predictions(Part::Validation, vec![wrong(0), None]),
            ];
            add(&data, &index([0, 1]), &mut found[..1]).expect("memory");
            add(&data, &index([2, 3]), &mut found[1..]).expect("memory");
            let bytes = |found: &Predictions, class: usize| {
                let wrong = found.classes.as_ref().expect("classes").first_wrong[class].as_ref();
                wrong.expect("wrong").picture.as_ref().expect("a picture").bytes().expect("whole")
            };
            // Files have channels first.
            let expected = |row: &[u8]| -> Vec<u8> {
                (0..20)
                    .flat_map(|at| (0..3).map(move |channel| channel * 20 + at))
                    .map(|at| row[at])
                    .collect()
            };
            assert_eq!(bytes(&found[0], 1), expected(&train[60..]));
            assert_eq!(bytes(&found[1], 0), expected(&test[..60]));
        }
    }

    #[test]
    fn rows_that_are_no_pictures_have_none() {
        let part = Rows {
            features: Features::Floats(&[0.0; 8]),
            targets: Targets::Classes { labels: &[0, 1], count: 2 },
        };
        let source = Source { shape: &[4], train: part, test: None, normalize: None, raw: false };
        let data = DeviceData::new(source, Device::Cpu).expect("fits");
        let mut found = [predictions(Part::Train, vec![wrong(0), wrong(1)])];
        let before = found.clone();
        add(&data, &Tensor::from_slice(&[0_i64, 1]).view((1, 2)), &mut found).expect("memory");
        assert_eq!(found, before);
    }

    #[test]
    fn large_pictures_are_made_smaller_and_other_numbers_are_stretched() {
        let shape = Shape { channels: 1, height: 2, width: 130 };
        // Three by three pixels become one: 44 by 1, of the values 0 and 3 in turn.
        let numbers: Vec<f32> = (0..260).map(|at| if (at % 130) / 3 % 2 == 0 { 0.0 } else { 3.0 }).collect();
        let picture = shape.picture(&numbers).expect("fits");
        assert_eq!((picture.width, picture.height), (44, 1));
        let bytes = picture.bytes().expect("whole");
        assert_eq!((&bytes[..4], bytes[43]), ([0, 255, 0, 255].as_slice(), 255));
        let flat = Shape { channels: 1, height: 1, width: 2 };
        assert_eq!(flat.picture(&[7.0, 7.0]).expect("fits").bytes(), Ok(vec![128, 128]));
        assert_eq!(flat.picture(&[f32::NAN, 0.5]).expect("fits").bytes(), Ok(vec![0, 128]));
        assert_eq!(flat.picture(&[f32::NAN; 2]).expect("fits").bytes(), Ok(vec![0, 0]));
        assert_eq!(flat.picture(&[-1.0, 1.0]).expect("fits").bytes(), Ok(vec![0, 255]));
    }
}
