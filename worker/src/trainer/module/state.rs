//! What a module holds, apart from what it computes.
//!
//! A module's file is a zip archive: code, the memory of each tensor, and a pickle that says how the tensors hang together and
//! what else there is. A checkpoint has the memory alone. Code is read from the file in the operator's folder and from nowhere
//! else, and so is the pickle, which has to be the same.

use std::io::{Cursor, Read, Write};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// The memory of a module's tensors.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trainer) struct ModuleState {
    /// BLAKE3 of how they hang together and of everything that is held beside them: only a module for which it is the same can
    /// take them up.
    pub(in crate::trainer) form: Vec<u8>,
    /// In the archive's order.
    pub(in crate::trainer) tensors: Vec<Vec<u8>>,
}

/// What an entry of the archive is.
#[derive(PartialEq, Eq)]
enum Entry {
    Pickle,
    Tensor,
    /// Code, and what libtorch notes about the archive.
    Other,
}

impl ModuleState {
    /// Of the archive of a module.
    pub(super) fn of(archive: &[u8]) -> ZipResult<Self> {
        let mut archive = ZipArchive::new(Cursor::new(archive))?;
        let (mut form, mut tensors) = (blake3::Hasher::new(), Vec::new());
        for index in 0..archive.len() {
            let mut file = archive.by_index(index)?;
            let name = file.name()?.into_owned();
            let entry = Entry::of(&name);
            if entry == Entry::Other {
                continue;
            }
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            form.update(name.as_bytes()).update(&[0]).update(&(bytes.len() as u64).to_le_bytes());
            match entry {
                Entry::Pickle => {
                    form.update(&bytes);
                }
                Entry::Tensor => tensors.push(bytes),
                Entry::Other => {}
            }
        }
        Ok(Self { form: form.finalize().as_bytes().to_vec(), tensors })
    }

    /// The archive of a module with these tensors in place of its own; nothing where they are not of its form.
    pub(super) fn put_into(&self, archive: &[u8]) -> ZipResult<Option<Vec<u8>>> {
        let own = Self::of(archive)?;
        let sizes = |state: &Self| state.tensors.iter().map(Vec::len).collect::<Vec<_>>();
        if own.form != self.form || sizes(&own) != sizes(self) {
            return Ok(None);
        }
        let mut whole = ZipWriter::new(Cursor::new(Vec::with_capacity(archive.len())));
        let mut archive = ZipArchive::new(Cursor::new(archive))?;
        let mut tensors = self.tensors.iter().peekable();
        let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index)?;
            let name = file.name()?.into_owned();
            match tensors.next_if(|_| Entry::of(&name) == Entry::Tensor) {
                Some(bytes) => {
                    whole.start_file(name, plain)?;
                    whole.write_all(bytes)?;
                }
                None => whole.raw_copy_file(file)?,
            }
        }
        Ok(Some(whole.finish()?.into_inner()))
    }
}

impl Entry {
    /// Everything lies in one folder, whose name says nothing.
    fn of(name: &str) -> Self {
        match name.split_once('/') {
            Some((_, "data.pkl")) => Self::Pickle,
            Some((_, place)) if place.starts_with("data/") => Self::Tensor,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ModuleState;

    /// Linear and batch norm: five parameters and three buffers.
    const NET: &[u8] = include_bytes!("../../../tests/module/net.pt");

    #[test]
    fn tensors_are_taken_out_and_put_back() {
        let state = ModuleState::of(NET).expect("an archive");
        assert_eq!(state.tensors.len(), 8);
        let mut other = state.clone();
        other.tensors[0].iter_mut().for_each(|byte| *byte ^= 1);
        let changed = other.put_into(NET).expect("an archive").expect("of its form");
        assert_eq!(ModuleState::of(&changed).expect("an archive"), other);
        assert_eq!(
            state.put_into(&changed).expect("an archive").map(|back| ModuleState::of(&back).ok()),
            Some(Some(state))
        );
    }

    #[test]
    fn what_is_of_another_form_is_not_put_in() {
        let state = ModuleState::of(NET).expect("an archive");
        let refused = |state: &ModuleState| state.put_into(NET).expect("an archive").is_none();
        let mut longer = state.clone();
        longer.tensors[3].push(0);
        assert!(refused(&longer));
        assert!(refused(&ModuleState { tensors: state.tensors[1..].to_vec(), ..state.clone() }));
        assert!(refused(&ModuleState { form: vec![0; 32], ..state }));
        assert!(ModuleState::of(b"no archive").is_err());
    }
}
