//! A checkpoint as a safetensors file.
//!
//! Tensors: `values`, `optimizer.0…`, `running.0…`, `selected.values`, `selected.running.0…`, `snapshots.0…`, `epochs`
//! (`[epochs of all slots, 5]`, 64-bit), and `recorded` (JSON as bytes); of a module `module.form`, `module.0…`,
//! `selected.module.form` and `selected.module.0…` (bytes). The rest is JSON under one key of the metadata, with a digest of the file
//! in which the digest's own place holds zeros.

use std::borrow::Cow;
use std::collections::HashMap;

use foldwise_study::outcome::EpochRecord;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, View};
use serde::{Deserialize, Serialize};

use super::{Checkpoint, CheckpointError, FORMAT, ModuleState, Numbers, Recorded, SlotState};

type Result<T> = std::result::Result<T, CheckpointError>;

/// The metadata's only key.
pub(super) const KEY: &str = "foldwise.checkpoint";
/// What the tensors of a module's state begin with.
const MODULE: &str = "module";
const SELECTED_MODULE: &str = "selected.module";
/// What stands in the digest's place while the digest is taken.
const BLANK: [u8; 64] = [b'0'; 64];
/// The context of BLAKE3's key derivation, which keeps this digest apart from all others.
const CONTEXT: &str = "foldwise 1 checkpoint file";
/// Bytes of a header, which grows with the number of members alone: room for some hundred thousand.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a safetensors file before its header: the header's length.
const PREFIX: usize = size_of::<u64>();
/// Numbers of an epoch's record: losses and accuracies of training and validation, and the learning rate.
const COLUMNS: usize = 5;

/// What is read of any format.
#[derive(Deserialize)]
struct Seal {
    digest: String,
    format: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    digest: &'a str,
    format: u32,
    numbers: &'a Numbers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the seal was read before; here it is only known")]
struct Description {
    digest: String,
    format: u32,
    numbers: Numbers,
}

/// Numbers of a tensor to be written.
enum Stored<'a> {
    Floats(&'a [f32], [usize; 1]),
    Epochs(&'a [SlotState], [usize; 2]),
    Bytes(&'a [u8], [usize; 1]),
}

pub(super) fn write(checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let blank = String::from_utf8_lossy(&BLANK);
    let written = Written { digest: &blank, format: FORMAT, numbers: &checkpoint.numbers };
    let text = serde_json::to_string(&written).map_err(CheckpointError::Description)?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    let tensors = tensors(checkpoint);
    let mut bytes = safetensors::serialize(tensors, Some(metadata)).map_err(CheckpointError::Unwritable)?;
    seal(&mut bytes)?;
    Ok(bytes)
}

/// Puts the digest in its place, which holds zeros.
pub(super) fn seal(bytes: &mut [u8]) -> Result<()> {
    let place = place(bytes, &BLANK).ok_or(CheckpointError::Damaged)?;
    let digest = digest(bytes, place);
    bytes[place..place + BLANK.len()].copy_from_slice(digest.as_bytes());
    Ok(())
}

fn tensors(checkpoint: &Checkpoint) -> Vec<(String, Stored<'_>)> {
    fn series<'a>(name: &str, all: &'a [Vec<f32>]) -> impl Iterator<Item = (String, Stored<'a>)> {
        all.iter()
            .enumerate()
            .map(move |(index, numbers)| (format!("{name}.{index}"), Stored::floats(numbers)))
    }
    let slots = &checkpoint.numbers.slots;
    let rows = slots.iter().map(|slot| slot.epochs.len()).sum();
    let mut tensors = vec![
        ("values".to_owned(), Stored::floats(&checkpoint.values)),
        ("epochs".to_owned(), Stored::Epochs(slots, [rows, COLUMNS])),
    ];
    let recorded = &checkpoint.recorded;
    tensors.push(("recorded".to_owned(), Stored::bytes(&recorded.text)));
    tensors.extend(series("snapshots", &recorded.snapshots));
    tensors.extend(series("optimizer", &checkpoint.optimizer));
    tensors.extend(series("running", &checkpoint.running));
    if let Some((values, running)) = &checkpoint.selected {
        tensors.push(("selected.values".to_owned(), Stored::floats(values)));
        tensors.extend(series("selected.running", running));
    }
    let modules = [(MODULE, &checkpoint.module), (SELECTED_MODULE, &checkpoint.selected_module)];
    for (name, module) in modules {
        let Some(ModuleState { form, tensors: held }) = module else { continue };
        tensors.push((format!("{name}.form"), Stored::bytes(form)));
        let held = held.iter().enumerate();
        tensors.extend(held.map(|(index, bytes)| (format!("{name}.{index}"), Stored::bytes(bytes))));
    }
    tensors
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint> {
    if let Some(found) = bytes.first_chunk().map(|length| u64::from_le_bytes(*length))
        && found > HEADER_BYTES_MAX
    {
        return Err(CheckpointError::Header { found });
    }
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::Unreadable)?;
    let text = metadata.metadata().as_ref().and_then(|all| all.get(KEY)).map_or("", String::as_str);
    let seal: Seal = serde_json::from_str(text).map_err(CheckpointError::Description)?;
    if seal.format != FORMAT {
        return Err(CheckpointError::Format { found: seal.format });
    }
    let place = place(bytes, seal.digest.as_bytes()).filter(|_| seal.digest.len() == BLANK.len());
    if place.is_none_or(|place| digest(bytes, place) != seal.digest) {
        return Err(CheckpointError::Damaged);
    }
    let description: Description = serde_json::from_str(text).map_err(CheckpointError::Description)?;
    let mut file = File { metadata, data: &bytes[PREFIX + header..], read: 0 };
    let mut numbers = description.numbers;
    let rows = file.epochs()?;
    fill_epochs(&mut numbers, &rows)?;
    let selected = match file.metadata.info("selected.values") {
        Some(_) => Some((file.floats("selected.values")?, file.series("selected.running")?)),
        None => None,
    };
    let checkpoint = Checkpoint {
        numbers,
        values: file.floats("values")?,
        optimizer: file.series("optimizer")?,
        running: file.series("running")?,
        selected,
        module: file.module(MODULE)?,
        selected_module: file.module(SELECTED_MODULE)?,
        recorded: Recorded { text: file.bytes("recorded")?, snapshots: file.series("snapshots")? },
    };
    file.end()?;
    Ok(checkpoint)
}

/// Where the digest stands in the header.
fn place(bytes: &[u8], digest: &[u8]) -> Option<usize> {
    let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let header = bytes.get(PREFIX..PREFIX.checked_add(length)?)?;
    let windows = &mut header.windows(BLANK.len());
    windows.position(|window| window == digest).map(|position| PREFIX + position)
}

/// Of the bytes, with zeros for the digest at `place`.
fn digest(bytes: &[u8], place: usize) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&bytes[..place]).update(&BLANK).update(&bytes[place + BLANK.len()..]);
    hasher.finalize().to_hex().to_string()
}

/// A file whose header was found sound.
struct File<'a> {
    metadata: Metadata,
    data: &'a [u8],
    /// Tensors that were read.
    read: usize,
}

impl<'a> File<'a> {
    /// Shape and bytes of a tensor.
    fn tensor(&mut self, name: &str, dtype: Dtype) -> Result<(Vec<usize>, &'a [u8])> {
        let refused = |what: &str| CheckpointError::Contents(format!("its tensor {name} {what}"));
        let info = self.metadata.info(name).ok_or_else(|| refused("is not there"))?;
        let (start, end) = info.data_offsets;
        let bytes = self.data.get(start..end).ok_or_else(|| refused("is cut off"))?;
        if info.dtype != dtype {
            return Err(refused("is of another type"));
        }
        self.read += 1;
        Ok((info.shape.clone(), bytes))
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        Ok(self.tensor(name, Dtype::U8)?.1.to_vec())
    }

    fn floats(&mut self, name: &str) -> Result<Vec<f32>> {
        let (shape, bytes) = self.tensor(name, Dtype::F32)?;
        if shape.len() != 1 {
            return Err(CheckpointError::Contents(format!("its tensor {name} is not flat")));
        }
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// Tensors `name.0`, `name.1` and so on.
    fn series(&mut self, name: &str) -> Result<Vec<Vec<f32>>> {
        let mut all = Vec::new();
        loop {
            let next = format!("{name}.{}", all.len());
            if self.metadata.info(&next).is_none() {
                return Ok(all);
            }
            all.push(self.floats(&next)?);
        }
    }

    /// What a module holds, where there is one.
    fn module(&mut self, name: &str) -> Result<Option<ModuleState>> {
        let form = format!("{name}.form");
        if self.metadata.info(&form).is_none() {
            return Ok(None);
        }
        let (form, mut tensors) = (self.bytes(&form)?, Vec::new());
        loop {
            let next = format!("{name}.{}", tensors.len());
            if self.metadata.info(&next).is_none() {
                return Ok(Some(ModuleState { form, tensors }));
            }
            tensors.push(self.bytes(&next)?);
        }
    }

    fn epochs(&mut self) -> Result<Vec<[f64; COLUMNS]>> {
        let (shape, bytes) = self.tensor("epochs", Dtype::F64)?;
        if shape.get(1..) != Some([COLUMNS].as_slice()) {
            return Err(CheckpointError::Contents(format!("its epochs do not have {COLUMNS} numbers each")));
        }
        let (numbers, _) = bytes.as_chunks();
        let numbers: Vec<f64> = numbers.iter().map(|number| f64::from_le_bytes(*number)).collect();
        Ok(numbers.as_chunks().0.to_vec())
    }

    /// Nothing may be left.
    fn end(&self) -> Result<()> {
        let there = self.metadata.tensors().len();
        if there == self.read {
            return Ok(());
        }
        Err(CheckpointError::Contents(format!("it has {there} tensors, not {}", self.read)))
    }
}

/// An absent number is NaN, which a recorded loss or accuracy never is.
fn row(record: &EpochRecord) -> [f64; COLUMNS] {
    let or_nan = |number: Option<f64>| number.unwrap_or(f64::NAN);
    let EpochRecord { epoch: _, train_loss, train_accuracy, val_loss, val_accuracy, lr } = *record;
    [train_loss, or_nan(train_accuracy), or_nan(val_loss), or_nan(val_accuracy), lr]
}

fn record(
    epoch: u32,
    &[train_loss, train_accuracy, val_loss, val_accuracy, lr]: &[f64; COLUMNS],
) -> EpochRecord {
    let present = |number: f64| (!number.is_nan()).then_some(number);
    EpochRecord {
        epoch,
        train_loss,
        train_accuracy: present(train_accuracy),
        val_loss: present(val_loss),
        val_accuracy: present(val_accuracy),
        lr,
    }
}

/// Deals the rows out to the slots, each of which has one per epoch up to the end or to where it diverged.
fn fill_epochs(numbers: &mut Numbers, mut rows: &[[f64; COLUMNS]]) -> Result<()> {
    let refused = || CheckpointError::Contents("its epochs are not as many as are done".to_owned());
    for slot in &mut numbers.slots {
        let recorded = usize::try_from(slot.recorded(numbers.epoch)).map_err(|_| refused())?;
        let (own, rest) = rows.split_at_checked(recorded).ok_or_else(refused)?;
        slot.epochs = (1..).zip(own).map(|(epoch, row)| record(epoch, row)).collect();
        rows = rest;
    }
    if rows.is_empty() { Ok(()) } else { Err(refused()) }
}

impl<'a> Stored<'a> {
    fn floats(numbers: &'a [f32]) -> Self {
        Self::Floats(numbers, [numbers.len()])
    }

    fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes, [bytes.len()])
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Floats(..) => Dtype::F32,
            Self::Epochs(..) => Dtype::F64,
            Self::Bytes(..) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Floats(_, shape) => shape,
            Self::Epochs(_, shape) => shape,
            Self::Bytes(_, shape) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        match self {
            Self::Floats(numbers, _) => {
                for (place, number) in bytes.as_chunks_mut().0.iter_mut().zip(*numbers) {
                    *place = number.to_le_bytes();
                }
            }
            Self::Bytes(text, _) => bytes.copy_from_slice(text),
            Self::Epochs(slots, _) => {
                let numbers = slots.iter().flat_map(|slot| slot.epochs.iter().flat_map(row));
                for (place, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
                    *place = number.to_le_bytes();
                }
            }
        }
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Floats(numbers, _) => size_of_val(*numbers),
            Self::Bytes(text, _) => text.len(),
            Self::Epochs(_, [rows, columns]) => rows * columns * size_of::<f64>(),
        }
    }
}
