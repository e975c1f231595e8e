//! Losses and hits of one pass over rows, kept on the device and read once.

use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::loss::{Losses, Objective};

/// Each member's loss and hit of each row.
#[derive(Debug)]
pub(super) struct Tally {
    /// `[E, rows]`.
    losses: Tensor,
    /// `[E, rows]`.
    hits: Option<Tensor>,
    /// `[E, rows]`, what each row's loss counts; absent where all count the same.
    weights: Option<Tensor>,
    seen: i64,
}

/// What a pass over rows amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    /// Mean over rows, weighted where classes have weights.
    pub(super) loss: f64,
    /// Share of rows, 0..1.
    pub(super) accuracy: Option<f64>,
}

impl Tally {
    /// Room for `rows` rows of each of `members` members.
    pub(super) fn new(
        members: i64,
        rows: i64,
        objective: &Objective,
        device: Device,
    ) -> Result<Self, TrainError> {
        let room = |kind| Tensor::f_zeros([members, rows], (kind, device));
        Ok(Self {
            losses: room(Kind::Float)?,
            hits: objective.classes.then(|| room(Kind::Bool)).transpose()?,
            weights: objective.weighs().then(|| room(Kind::Float)).transpose()?,
            seen: 0,
        })
    }

    /// Forgets the rows seen.
    pub(super) fn restart(&mut self) {
        self.seen = 0;
    }

    /// Adds rows: losses and hits `[E, B]`.
    pub(super) fn add(&mut self, losses: &Losses, hits: Option<&Tensor>) -> Result<(), TrainError> {
        let rows = losses.values.size()[1];
        let put = |all: &Option<Tensor>, own: Option<&Tensor>| match (all, own) {
            (Some(all), Some(own)) => all.f_narrow(1, self.seen, rows)?.f_copy_(own),
            _ => Ok(()),
        };
        self.losses.f_narrow(1, self.seen, rows)?.f_copy_(&losses.values)?;
        put(&self.hits, hits)?;
        put(&self.weights, losses.weights.as_ref())?;
        self.seen += rows;
        Ok(())
    }

    /// Means over each member's first `counts[e]` rows; the sums are 64-bit.
    pub(super) fn totals(&self, counts: &[usize]) -> Result<Vec<Total>, TrainError> {
        let mut totals = Vec::with_capacity(counts.len());
        let losses = sums(&self.losses, counts)?;
        let hits = self.hits.as_ref().map(|hits| sums(hits, counts)).transpose()?;
        let weights = self.weights.as_ref().map(|weights| sums(weights, counts)).transpose()?;
        for (slot, &count) in counts.iter().enumerate() {
            let accuracy = hits.as_ref().map(|hits| hits[slot] / count as f64);
            let weight = weights.as_ref().map_or(count as f64, |weights| weights[slot]);
            totals.push(Total { loss: losses[slot] / weight, accuracy });
        }
        Ok(totals)
    }
}

fn sums(values: &Tensor, counts: &[usize]) -> Result<Vec<f64>, TrainError> {
    let alike = counts.iter().all(|&count| count == counts[0]);
    let sum = |values: &Tensor| values.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Double);
    let sums = if alike {
        sum(&values.f_narrow(1, 0, counts[0] as i64)?)?
    } else {
        let own = |(slot, &count): (usize, &usize)| {
            sum(&values.f_narrow(0, slot as i64, 1)?.f_narrow(1, 0, count as i64)?)
        };
        Tensor::f_cat(&counts.iter().enumerate().map(own).collect::<Result<Vec<_>, _>>()?, 0)?
    };
    Ok(Vec::try_from(sums)?)
}

#[cfg(test)]
mod tests {
    use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};
    use tch::{Device, Tensor};

    use super::super::loss::{Losses, Objective};
    use super::{Tally, Total};

    fn objective(class_weights: Option<Vec<f64>>) -> Objective {
        let train = TrainSpec::new(1, 1, Optimizer::new(OptimizerKind::Sgd, 0.1));
        Objective::new(&TrainSpec { class_weights, ..train }, true, Device::Cpu).expect("memory")
    }

    #[test]
    fn rows_past_a_members_own_do_not_count() {
        let mut tally = Tally::new(2, 3, &objective(None), Device::Cpu).expect("memory");
        let values = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 5.0]).view((2, 2));
        let hits = Tensor::from_slice(&[true, false, true, true]).view((2, 2));
        tally.add(&Losses { values, weights: None }, Some(&hits)).expect("room");
        let values = Tensor::from_slice(&[9.0_f32, f32::NAN]).view((2, 1));
        tally.add(&Losses { values, weights: None }, Some(&hits.narrow(1, 0, 1))).expect("room");
        let totals = tally.totals(&[3, 2]).expect("floats");
        assert_eq!(totals[0], Total { loss: 4.0, accuracy: Some(2.0 / 3.0) });
        assert_eq!(totals[1], Total { loss: 4.0, accuracy: Some(1.0) });
    }

    #[test]
    fn means_are_over_the_weights_of_rows() {
        let mut tally = Tally::new(1, 2, &objective(Some(vec![1.0, 3.0])), Device::Cpu).expect("memory");
        let values = Tensor::from_slice(&[2.0_f32, 12.0]).view((1, 2));
        let weights = Some(Tensor::from_slice(&[1.0_f32, 3.0]).view((1, 2)));
        let hits = Tensor::from_slice(&[true, false]).view((1, 2));
        tally.add(&Losses { values, weights }, Some(&hits)).expect("room");
        assert_eq!(tally.totals(&[2]).expect("floats"), [Total { loss: 3.5, accuracy: Some(0.5) }]);
    }
}
