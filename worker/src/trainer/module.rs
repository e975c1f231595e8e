//! A TorchScript module in place of layers: libtorch's interpreter computes it, and everything around it is as for any network.

use std::path::Path;

use foldwise_study::seed::{Purpose, Source};
use tch::{CModule, Device, Tensor};

use super::TrainError;
use super::model::Mode;
use super::parameters::Parameters;

/// The largest file of a module, bytes: it is held in memory, and copied with each best epoch.
const MODULE_BYTES_MAX: u64 = 1 << 30;
/// Numbers that a module's largest activation is taken to have for each number of a row: nobody knows, and evaluation's passes
/// are to fit into memory.
const WIDENING: usize = 32;

/// A module of one member.
#[derive(Debug)]
pub(super) struct Module {
    own: CModule,
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
        let input = input.iter().map(|&side| side as i64).collect();
        Ok(Self { own, trains: true, source: *source, input, outputs: outputs as i64, device })
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
        let outputs = self.own.forward_ts(&[rows.f_view(&shape[..])?]).map_err(|error| {
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
        let kept = |error: std::io::Error| TrainError::Data(format!("cannot keep the module: {error}"));
        let folder = tempfile::tempdir().map_err(kept)?;
        // The archive's own top folder is called as the file, which libtorch wants to begin with a letter.
        let path = folder.path().join("module.pt");
        self.own.save(&path)?;
        std::fs::read(&path).map_err(kept)
    }

    /// Becomes what was saved, with the numbers that `parameters` hold.
    pub(super) fn restore(&mut self, saved: &[u8], parameters: &Parameters) -> Result<(), TrainError> {
        self.own = open(saved, self.device)?;
        self.trains = true;
        for ((_, mut tensor), block) in self.learned()?.into_iter().zip(parameters.blocks()) {
            let shape = tensor.size();
            tensor.set_data(&block.of(parameters.values(), 1)?.f_view(&shape[..])?);
        }
        Ok(())
    }
}

fn open(mut bytes: &[u8], device: Device) -> Result<CModule, tch::TchError> {
    let mut own = CModule::load_data_on_device(&mut bytes, device)?;
    own.f_set_train()?;
    Ok(own)
}

/// libtorch's errors go on for pages.
fn first_line(error: &tch::TchError) -> String {
    let text = error.to_string();
    let useful = text.lines().map(str::trim).rfind(|line| line.contains("Error") && !line.ends_with(':'));
    useful.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}
