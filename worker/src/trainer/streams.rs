//! Which rows each member sees, in which order; members that see the same share one stream.

use foldwise_study::seed::{Purpose, Source};
use foldwise_study::train::Order;
use rand_core::Rng;
use tch::{Device, Tensor};

use super::{Member, TrainError};

/// The members in the order in which they are fused, by row stream.
///
/// Slot `e` of the fused model reads stream `e / (E / G)`, so that layers can treat the members of a
/// stream as one wide layer over shared rows.
#[derive(Debug)]
pub(super) struct Arrangement {
    /// The member in each slot.
    pub(super) slots: Vec<usize>,
    /// One member of each stream, `G` of them.
    leaders: Vec<usize>,
}

impl Arrangement {
    /// Groups members that see the same rows in the same order. Streams of unequal size cannot share, so
    /// then each member has its own.
    pub(super) fn new(members: &[Member]) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            match groups.iter_mut().find(|group| same_stream(&members[group[0]], member)) {
                Some(group) => group.push(index),
                None => groups.push(vec![index]),
            }
        }
        let width = groups[0].len();
        if groups.iter().any(|group| group.len() != width) {
            let slots: Vec<usize> = (0..members.len()).collect();
            return Self { leaders: slots.clone(), slots };
        }
        Self { leaders: groups.iter().map(|group| group[0]).collect(), slots: groups.concat() }
    }

    /// Row numbers `[G, rows]` of epoch `epoch` (from 1) in the order in which they are trained on.
    pub(super) fn epoch(&self, members: &[Member], epoch: u32, device: Device) -> Result<Tensor, TrainError> {
        let mut rows = Vec::with_capacity(self.leaders.len() * members[0].train_rows.len());
        for &leader in &self.leaders {
            let member = &members[leader];
            let start = rows.len();
            rows.extend(member.train_rows.iter().map(|&row| i64::from(row)));
            if member.train.order == Order::Shuffled {
                shuffle(&mut rows[start..], &member.source, epoch);
            }
            rows.truncate(start + member.train.rows(member.train_rows.len()));
        }
        indices(&rows, self.leaders.len(), device)
    }

    /// The members whose rows and random numbers the streams have, one each.
    pub(super) fn leaders<'a>(&self, members: &'a [Member]) -> Vec<&'a Member> {
        self.leaders.iter().map(|&leader| &members[leader]).collect()
    }

    /// The stream that a slot reads.
    pub(super) fn stream_of(&self, slot: usize) -> i64 {
        (slot * self.leaders.len() / self.slots.len()) as i64
    }

    /// Row numbers `[G, rows]` that are trained on, in the split's order.
    pub(super) fn training(&self, members: &[Member], device: Device) -> Result<Tensor, TrainError> {
        let leaders = self.leaders(members);
        let rows: Vec<i64> =
            leaders.iter().flat_map(|leader| leader.train_rows.iter().map(|&row| i64::from(row))).collect();
        indices(&rows, leaders.len(), device)
    }

    /// Row numbers `[G, most rows]` to validate on; rows past a member's own are row 0 and do not count.
    pub(super) fn validation(&self, members: &[Member], device: Device) -> Result<Tensor, TrainError> {
        let most = members.iter().map(|member| member.validation_rows.len()).max().unwrap_or(0);
        let width = self.slots.len() / self.leaders.len();
        let shared = self.slots.chunks(width).all(|group| {
            group.iter().all(|&slot| members[slot].validation_rows == members[group[0]].validation_rows)
        });
        let readers = if shared { &self.leaders } else { &self.slots };
        let mut rows = Vec::with_capacity(readers.len() * most);
        for &reader in readers {
            let own = &members[reader].validation_rows;
            rows.extend(own.iter().map(|&row| i64::from(row)));
            rows.extend(std::iter::repeat_n(0, most - own.len()));
        }
        indices(&rows, readers.len(), device)
    }
}

fn same_stream(a: &Member, b: &Member) -> bool {
    let random = a.train.order == Order::Shuffled || !a.train.augment.is_empty();
    a.train.order == b.train.order && (!random || a.source == b.source) && a.train_rows == b.train_rows
}

fn indices(rows: &[i64], streams: usize, device: Device) -> Result<Tensor, TrainError> {
    Ok(Tensor::f_from_slice(rows)?.f_view((streams as i64, -1))?.f_to(device)?)
}

/// Fisher and Yates's shuffle; the place is a 64-bit draw scaled by 128-bit multiplication.
fn shuffle(rows: &mut [i64], source: &Source, epoch: u32) {
    let mut stream = source.stream(Purpose::Shuffle, u64::from(epoch));
    for last in (1..rows.len()).rev() {
        let scaled = u128::from(stream.next_u64()) * (last as u128 + 1);
        #[allow(clippy::cast_possible_truncation, reason = "the upper half is at most `last`")]
        let place = (scaled >> 64) as usize;
        rows.swap(last, place);
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::seed::Source;

    use super::shuffle;

    #[test]
    fn a_shuffle_is_a_permutation_that_source_and_epoch_fix() {
        let source = Source { study: 3, train: None, trial: None, fold: 1 };
        let sorted: Vec<i64> = (0..1000).collect();
        let of = |source: &Source, epoch| {
            let mut rows = sorted.clone();
            shuffle(&mut rows, source, epoch);
            rows
        };
        let first = of(&source, 1);
        assert_eq!(first, of(&source, 1));
        assert_ne!(first, of(&source, 2));
        assert_ne!(first, of(&Source { fold: 2, ..source }, 1));
        let mut back = first;
        back.sort_unstable();
        assert_eq!(back, sorted);
    }

    #[test]
    fn every_order_of_three_is_about_as_likely() {
        let mut seen = std::collections::HashMap::new();
        for study in 0..6000 {
            let mut rows = [0, 1, 2];
            shuffle(&mut rows, &Source { study, train: None, trial: None, fold: 0 }, 1);
            *seen.entry(rows).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|&count| (850..1150).contains(&count)), "{seen:?}");
    }
}
