//! Weights and statistics of each member's best epoch, kept while training goes on.

use tch::{Tensor, no_grad};

use super::TrainError;
use super::model::Model;

/// Weights and statistics of each member's best epoch, zeros before its first.
#[derive(Debug)]
pub(super) struct Selected {
    /// `[N]`.
    pub(super) values: Tensor,
    /// As [`Model::running`] orders them, `[E·C]` each.
    pub(super) running: Vec<Tensor>,
    /// The module of the best epoch, which has more state than it learns.
    pub(super) module: Option<Vec<u8>>,
}

impl Selected {
    pub(super) fn of(model: &Model) -> Result<Self, TrainError> {
        let values = model.parameters.values().f_zeros_like()?;
        let running: Result<Vec<Tensor>, _> = model.running().into_iter().map(Tensor::f_zeros_like).collect();
        Ok(Self { values, running: running?, module: None })
    }

    /// Takes over the slots' present weights and statistics.
    pub(super) fn take(&mut self, model: &Model, slots: &[i64]) -> Result<(), TrainError> {
        if let Some(module) = model.module().filter(|_| !slots.is_empty()) {
            self.module = Some(module.saved()?);
        }
        let members = model.parameters.members();
        let row = |flat: &Tensor, slot: i64| flat.f_view((members, -1))?.f_select(0, slot);
        no_grad(|| {
            for &slot in slots {
                for block in model.parameters.blocks() {
                    let from = block.of(model.parameters.values(), members)?.f_select(0, slot)?;
                    block.of(&self.values, members)?.f_select(0, slot)?.f_copy_(&from)?;
                }
                for (kept, present) in self.running.iter().zip(model.running()) {
                    row(kept, slot)?.f_copy_(&row(present, slot)?)?;
                }
            }
            Ok(())
        })
    }

    /// Puts the selected weights and statistics into the model.
    pub(super) fn give_back(&self, model: &mut Model) -> Result<(), TrainError> {
        no_grad(|| {
            model.parameters.values().shallow_clone().f_copy_(&self.values)?;
            for (kept, present) in self.running.iter().zip(model.running()) {
                present.shallow_clone().f_copy_(kept)?;
            }
            Ok::<_, TrainError>(())
        })?;
        self.module.as_ref().map_or(Ok(()), |saved| model.restore_module(saved))
    }
}
