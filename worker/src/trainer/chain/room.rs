//! The memory of a step of so many rows, kept for the next one.

use tch::{Device, Kind, Tensor};

use super::Link;
use crate::trainer::TrainError;

/// What one number of rows needs.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) rows: i64,
    spots: Vec<Spot>,
    /// `[E, B]`.
    pub(super) losses: Tensor,
    /// `[E, B]`, 1 where a row was taken for its class.
    pub(super) hits: Tensor,
}

/// What one link needs, `[E, F, B]` each.
#[derive(Debug)]
pub(super) struct Spot {
    /// What comes out.
    pub(super) out: Tensor,
    /// The loss's gradient by what comes out; on the way back turned into that by what went in, but by linear layers.
    pub(super) delta: Tensor,
    /// What the way back needs: a mask, normal values.
    pub(super) kept: Tensor,
    /// 1 / deviation of each feature of batch norm, `[E·F]`.
    pub(super) inverse: Vec<f32>,
}

impl Room {
    pub(super) fn new(links: &[Link], members: usize, rows: i64) -> Result<Self, TrainError> {
        let members = members as i64;
        let new = |shape: &[i64]| Tensor::f_zeros(shape, (Kind::Float, Device::Cpu));
        let mut spots: Vec<Spot> = Vec::with_capacity(links.len());
        let mut features = 0;
        for link in links {
            features = link.features().unwrap_or(features);
            let shape = [members, features, rows];
            // All links up to the next linear one hand on one gradient, and what works in place one output.
            let delta = match spots.last().filter(|_| link.features().is_none()) {
                Some(before) => before.delta.shallow_clone(),
                None => new(&shape)?,
            };
            let out = match spots.last().filter(|_| link.is_in_place()) {
                Some(before) => before.out.shallow_clone(),
                None => new(&shape)?,
            };
            let kept = new(if link.keeps() { &shape } else { &[0] })?;
            let count = if link.keeps() { members * features } else { 0 };
            let inverse = vec![0.0; usize::try_from(count).unwrap_or(0)];
            spots.push(Spot { out, delta, kept, inverse });
        }
        Ok(Self { rows, spots, losses: new(&[members, rows])?, hits: new(&[members, rows])? })
    }

    pub(super) fn row_count(&self) -> usize {
        usize::try_from(self.rows).unwrap_or(0)
    }

    /// A link's spot and the one before it.
    pub(super) fn split(&mut self, position: usize) -> (Option<&mut Spot>, &mut Spot) {
        let (before, rest) = self.spots.split_at_mut(position);
        (before.last_mut(), &mut rest[0])
    }

    /// The last spot, and where losses and hits go.
    pub(super) fn end(&mut self) -> (&mut Spot, &mut Tensor, &mut Tensor) {
        let last = self.spots.len() - 1;
        (&mut self.spots[last], &mut self.losses, &mut self.hits)
    }
}
