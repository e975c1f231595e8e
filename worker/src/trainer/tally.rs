//! Losses and hits of one pass over rows, kept on the device and read once.

use tch::{Device, Kind, Tensor};

use super::TrainError;

/// Each member's loss and hit of each row.
#[derive(Debug)]
pub(super) struct Tally {
    /// `[E, rows]`.
    losses: Tensor,
    /// `[E, rows]`.
    hits: Option<Tensor>,
    seen: i64,
}

/// What a pass over rows amounts to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total {
    /// Mean over rows.
    pub(super) loss: f64,
    /// Share of rows, 0..1.
    pub(super) accuracy: Option<f64>,
}

impl Tally {
    /// Room for `rows` rows of each of `members` members.
    pub(super) fn new(members: i64, rows: i64, classes: bool, device: Device) -> Result<Self, TrainError> {
        let losses = Tensor::f_zeros([members, rows], (Kind::Float, device))?;
        let hits = classes.then(|| Tensor::f_zeros([members, rows], (Kind::Bool, device))).transpose()?;
        Ok(Self { losses, hits, seen: 0 })
    }

    /// Forgets the rows seen.
    pub(super) fn restart(&mut self) {
        self.seen = 0;
    }

    /// Adds rows: losses and hits `[E, B]`.
    pub(super) fn add(&mut self, losses: &Tensor, hits: Option<&Tensor>) -> Result<(), TrainError> {
        let rows = losses.size()[1];
        self.losses.f_narrow(1, self.seen, rows)?.f_copy_(losses)?;
        if let (Some(all), Some(hits)) = (&self.hits, hits) {
            all.f_narrow(1, self.seen, rows)?.f_copy_(hits)?;
        }
        self.seen += rows;
        Ok(())
    }

    /// Means over each member's first `counts[e]` rows; the sums are 64-bit.
    pub(super) fn totals(&self, counts: &[usize]) -> Result<Vec<Total>, TrainError> {
        let mut totals = Vec::with_capacity(counts.len());
        let losses = sums(&self.losses, counts)?;
        let hits = self.hits.as_ref().map(|hits| sums(hits, counts)).transpose()?;
        for (slot, &count) in counts.iter().enumerate() {
            let accuracy = hits.as_ref().map(|hits| hits[slot] / count as f64);
            totals.push(Total { loss: losses[slot] / count as f64, accuracy });
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
    use tch::{Device, Tensor};

    use super::{Tally, Total};

    #[test]
    fn rows_past_a_members_own_do_not_count() {
        let mut tally = Tally::new(2, 3, true, Device::Cpu).expect("memory");
        let losses = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 5.0]).view((2, 2));
        let hits = Tensor::from_slice(&[true, false, true, true]).view((2, 2));
        tally.add(&losses, Some(&hits)).expect("room");
        tally
            .add(&Tensor::from_slice(&[9.0_f32, f32::NAN]).view((2, 1)), Some(&hits.narrow(1, 0, 1)))
            .expect("room");
        let totals = tally.totals(&[3, 2]).expect("floats");
        assert_eq!(totals[0], Total { loss: 4.0, accuracy: Some(2.0 / 3.0) });
        assert_eq!(totals[1], Total { loss: 4.0, accuracy: Some(1.0) });
    }
}
