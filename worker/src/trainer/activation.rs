//! What flows between layers: the values of all members and how they lie.

use tch::Tensor;

use super::TrainError;

/// Values of `copies` members (or row streams) side by side.
#[derive(Debug)]
pub(super) struct Activation {
    pub(super) values: Tensor,
    pub(super) form: Form,
    /// `G` until the first layer that differs between members, then `E`.
    pub(super) copies: i64,
    /// Whether the next layer may overwrite the values: no backward pass reads them.
    pub(super) reusable: bool,
}

/// How values lie. Layers take what they are given where that costs no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[B, copies·C, H, W]`, channels last in memory.
    Pictures,
    /// `[B, copies·F]`: what batch norm reads and shared rows give.
    Columns,
    /// `[copies, B, F]`: what batched matrix products give.
    Batches,
}

impl Activation {
    /// Gathered rows `[G·B, numbers]`, pictures channels last, of shape `[C, H, W]` or `[F]`.
    pub(super) fn rows(gathered: &Tensor, streams: i64, shape: &[usize]) -> Result<Self, TrainError> {
        let (values, form) = match *shape {
            [channels, height, width] => {
                let (c, h, w) = (channels as i64, height as i64, width as i64);
                let split = gathered.f_view(&[streams, -1, h, w, c][..])?;
                let merged = split.f_permute([1, 2, 3, 0, 4])?.f_reshape([-1, h, w, streams * c])?;
                (merged.f_permute([0, 3, 1, 2])?, Form::Pictures)
            }
            _ => {
                let features = shape.iter().product::<usize>() as i64;
                (gathered.f_view((streams, -1, features))?, Form::Batches)
            }
        };
        Ok(Self { values, form, copies: streams, reusable: false })
    }

    /// The same values in another form, by a layer whose backward pass does not read them.
    pub(super) fn with(values: Tensor, form: Form, copies: i64) -> Self {
        Self { values, form, copies, reusable: true }
    }

    /// The same values, which are still needed elsewhere and so may not be overwritten.
    pub(super) fn shared(&self) -> Self {
        let values = self.values.shallow_clone();
        Self { values, form: self.form, copies: self.copies, reusable: false }
    }

    /// As `[copies, B, F]`, a view where possible. Pictures must have been flattened.
    pub(super) fn batches(&self) -> Result<Tensor, TrainError> {
        Ok(match self.form {
            Form::Batches => self.values.shallow_clone(),
            Form::Columns => {
                let rows = self.values.size()[0];
                self.values.f_view((rows, self.copies, -1))?.f_permute([1, 0, 2])?
            }
            Form::Pictures => self.flattened()?.values,
        })
    }

    /// Vectors as `[B, copies·F]`; pictures stay.
    pub(super) fn channels_second(self) -> Result<Self, TrainError> {
        if self.form != Form::Batches {
            return Ok(self);
        }
        let rows = self.values.size()[1];
        let values = self.values.f_permute([1, 0, 2])?.f_reshape([rows, -1])?;
        // With one copy the reshaped values are the same memory, so what may not be overwritten stays so.
        Ok(Self { values, form: Form::Columns, ..self })
    }

    /// Pictures as vectors in PyTorch's order: channel, then row, then column.
    pub(super) fn flattened(&self) -> Result<Self, TrainError> {
        let (values, form) = match self.form {
            Form::Pictures => {
                let size = self.values.size();
                let split = self.values.f_view(&[size[0], self.copies, -1, size[2], size[3]][..])?;
                let numbers = size[1] / self.copies * size[2] * size[3];
                (split.f_permute([1, 0, 2, 3, 4])?.f_reshape([self.copies, size[0], numbers])?, Form::Batches)
            }
            Form::Columns | Form::Batches => (self.values.shallow_clone(), self.form),
        };
        Ok(Self { values, form, copies: self.copies, reusable: false })
    }

    /// One copy per member, for layers that differ between members.
    pub(super) fn per_member(self, members: i64) -> Result<Self, TrainError> {
        if self.copies == members {
            return Ok(self);
        }
        let (width, copies) = (members / self.copies, self.copies);
        let size = self.values.size();
        let values = match self.form {
            Form::Batches => self.values.f_repeat_interleave_self_int(width, 0, None)?,
            Form::Columns => {
                let split = self.values.f_view((size[0], copies, 1, -1))?;
                split.f_expand([-1, -1, width, -1], false)?.f_reshape([size[0], -1])?
            }
            Form::Pictures => {
                let (h, w) = (size[2], size[3]);
                let split = self.values.f_permute([0, 2, 3, 1])?.f_reshape([size[0], h, w, copies, 1, -1])?;
                let wide = split.f_expand([-1, -1, -1, -1, width, -1], false)?;
                wide.f_reshape([size[0], h, w, -1])?.f_permute([0, 3, 1, 2])?
            }
        };
        Ok(Self { values, copies: members, ..self })
    }
}
