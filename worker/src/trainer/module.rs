//! A TorchScript module in place of layers: libtorch's interpreter computes it, and everything around it is as for any network.

use std::path::Path;

use foldwise_study::seed::{Purpose, Source};
use tch::{CModule, Device, Tensor};

use super::TrainError;
use super::checkpoint::CheckpointError;
use super::model::Mode;
use super::parameters::Parameters;

mod state;

pub(super) use state::ModuleState;

/// The largest file of a module, bytes: it is held in memory, and copied with each best epoch.
const MODULE_BYTES_MAX: u64 = 1 << 30;
/// Numbers that a module's largest activation is taken to have for each number of a row: nobody knows, and evaluation's passes
/// are to fit into memory.
const WIDENING: usize = 32;

/// A module of one member.
#[derive(Debug)]
pub(super) struct Module {
    own: CModule,
    /// BLAKE3 of its file, in hexadecimal.
    digest: String,
    trains: bool,
    source: Source,
    /// Shape of a row.
    input: Vec<i64>,
    outputs: i64,
    device: Device,
}

impl Module {
    /// The module in a file, for rows of a shape and so many outputs.
    pub(super) fn load(
        path: &Path,
        (input, outputs): (&[usize], usize),
        source: &Source,
        device: Device,
    ) -> Result<Self, TrainError> {
        let wrong = |why: String| TrainError::Data(format!("the module {} {why}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?.len();
        if size > MODULE_BYTES_MAX {
            return Err(wrong(format!("has {size} bytes, and {MODULE_BYTES_MAX} are read at most")));
        }
        let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let own = open(&bytes, device).map_err(|error| {
            wrong(format!("is no TorchScript module (torch.jit.save): {}", first_line(&error)))
        })?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let (input, outputs) = (input.iter().map(|&side| side as i64).collect(), outputs as i64);
        Ok(Self { own, digest, trains: true, source: *source, input, outputs, device })
    }

    /// What tells its file from every other.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// What it learns, by name.
    pub(super) fn learned(&self) -> Result<Vec<(String, Tensor)>, TrainError> {
        let named = self.own.named_parameters()?;
        Ok(named.into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect())
    }

    /// Numbers of the largest activation of one row, about.
    pub(super) fn widest(&self) -> i64 {
        self.input.iter().product::<i64>().max(self.outputs).saturating_mul(WIDENING as i64)
    }

    /// Outputs `[1, B, K]` of gathered rows `[B, numbers]`.
    pub(super) fn forward(&mut self, rows: &Tensor, mode: Mode) -> Result<Tensor, TrainError> {
        let trains = mode != Mode::Evaluate;
        if self.trains != trains {
            if trains {
                self.own.f_set_train()?;
            } else {
                self.own.f_set_eval()?;
            }
            self.trains = trains;
        }
        if let Mode::Train { step } = mode {
            // What it draws, such as for dropout, is named by the run and the step as everywhere.
            let key = self.source.key(Purpose::Dropout, step);
            let bytes = [key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7]];
            tch::manual_seed(i64::from_le_bytes(bytes));
        }
        let count = rows.size()[0];
        let shape: Vec<i64> = std::iter::once(count).chain(self.input.iter().copied()).collect();
        let rows = rows.f_view(&shape[..])?;
        let computed = as_written(self.device, || self.own.forward_ts(&[rows]))?;
        let outputs = computed.map_err(|error| {
            TrainError::Data(format!(
                "the module cannot compute rows of shape {shape:?}: {}",
                first_line(&error)
            ))
        })?;
        let fits =
            outputs.size() == [count, self.outputs] || (self.outputs == 1 && outputs.size() == [count]);
        if !fits {
            let found = outputs.size();
            let message = format!(
                "the module gives {found:?} for {count} rows, and [{count}, {}] is needed",
                self.outputs
            );
            return Err(TrainError::Data(message));
        }
        Ok(outputs.f_reshape([1, count, self.outputs])?)
    }

    /// The module as a file, with its present numbers.
    pub(super) fn saved(&self) -> Result<Vec<u8>, TrainError> {
        save(&self.own)
    }

    /// What it holds now.
    pub(super) fn state(&self) -> Result<ModuleState, TrainError> {
        Self::state_of(&self.saved()?)
    }

    /// What a module that was saved holds.
    pub(super) fn state_of(saved: &[u8]) -> Result<ModuleState, TrainError> {
        ModuleState::of(&plain(saved)?).map_err(|error| unreadable(&error))
    }

    /// This module as a file, with what another one of the same file held.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when it cannot hold that: its tensors are others, or it holds more than tensors and that
    /// has changed.
    pub(super) fn saved_with(&self, state: &ModuleState) -> Result<Vec<u8>, TrainError> {
        let saved = state.put_into(&plain(&self.saved()?)?).map_err(|error| unreadable(&error))?;
        let refused = || "its module holds other things than tensors, or others of them, by now".to_owned();
        Ok(saved.ok_or_else(|| CheckpointError::Contents(refused()))?)
    }

    /// Becomes what was saved, with the numbers that `parameters` hold.
    pub(super) fn restore(&mut self, saved: &[u8], parameters: &mut Parameters) -> Result<(), TrainError> {
        self.own = open(saved, self.device)?;
        self.trains = true;
        parameters.adopt(self.learned()?)
    }
}

fn open(mut bytes: &[u8], device: Device) -> Result<CModule, tch::TchError> {
    let mut own = CModule::load_data_on_device(&mut bytes, device)?;
    own.f_set_train()?;
    Ok(own)
}

fn save(module: &CModule) -> Result<Vec<u8>, TrainError> {
    let kept = |error: std::io::Error| TrainError::Data(format!("cannot keep the module: {error}"));
    let folder = tempfile::tempdir().map_err(kept)?;
    // The archive's own top folder is called as the file, which libtorch wants to begin with a letter.
    let path = folder.path().join("module.pt");
    module.save(&path)?;
    std::fs::read(&path).map_err(kept)
}

/// The same module as it is saved where nobody else holds its tensors, and on whatever device: of two that hold the same,
/// files are the same.
fn plain(saved: &[u8]) -> Result<Vec<u8>, TrainError> {
    save(&open(saved, Device::Cpu)?)
}

fn unreadable(error: &zip::result::ZipError) -> TrainError {
    TrainError::Data(format!("cannot keep the module: libtorch wrote no archive of it: {error}"))
}

/// On a CPU has libtorch's interpreter compute a module as it is written. It would else watch the first steps and put what
/// rounds otherwise in place of parts: a run that goes on from a checkpoint, and watches anew, would end otherwise. It makes
/// steps no faster there, as there is nothing that it could fuse with.
fn as_written<T>(device: Device, compute: impl FnOnce() -> T) -> Result<T, tch::TchError> {
    if device != Device::Cpu {
        return Ok(compute());
    }
    tch::jit::f_set_graph_executor_optimize(false)?;
    let computed = compute();
    tch::jit::f_set_graph_executor_optimize(true)?;
    Ok(computed)
}

/// libtorch's errors go on for pages.
fn first_line(error: &tch::TchError) -> String {
    let text = error.to_string();
    let useful = text.lines().map(str::trim).rfind(|line| line.contains("Error") && !line.ends_with(':'));
    useful.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}
