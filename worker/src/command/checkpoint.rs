//! A command's checkpoint as Foldwise keeps it: whose it is and the epochs so far, and then the command's own file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use foldwise_study::outcome::EpochRecord;
use serde::{Deserialize, Serialize};

/// How such a file begins.
const MAGIC: &str = "foldwise command checkpoint 1";
/// The longest head of one: a million epochs of some hundred bytes.
const HEAD_BYTES_MAX: u64 = 512 << 20;

/// What stands before the command's file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    magic: String,
    fingerprint: String,
    epochs: Vec<EpochRecord>,
}

/// Writes a checkpoint: a line of JSON, then the command's file.
pub(crate) fn write(
    out: &mut dyn Write,
    fingerprint: &str,
    epochs: &[EpochRecord],
    own: &Path,
) -> io::Result<()> {
    let head = Head { magic: MAGIC.to_owned(), fingerprint: fingerprint.to_owned(), epochs: epochs.to_vec() };
    serde_json::to_writer(&mut *out, &head)?;
    out.write_all(b"\n")?;
    io::copy(&mut File::open(own)?, out).map(drop)
}

/// Reads a checkpoint, and writes the command's file where it is to lie; the epochs that it holds.
///
/// # Errors
/// When it cannot be read, or is another run's.
pub(crate) fn read(path: &Path, fingerprint: &str, own: &Path) -> io::Result<Vec<EpochRecord>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    file.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
    let head: Head = serde_json::from_slice(&line)?;
    if head.magic != MAGIC || head.fingerprint != fingerprint {
        return Err(io::Error::other("it is of another run"));
    }
    let in_order = head.epochs.iter().zip(1..).all(|(record, epoch)| record.epoch == epoch);
    if head.epochs.is_empty() || !in_order {
        return Err(io::Error::other("its epochs are not in order"));
    }
    io::copy(&mut file, &mut File::create(own)?)?;
    Ok(head.epochs)
}

#[cfg(test)]
mod tests {
    use foldwise_study::outcome::EpochRecord;

    use super::{read, write};

    #[test]
    fn a_checkpoint_comes_back_to_its_run_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("own"), b"\nbytes\0").expect("writes");
        let epoch = |epoch| EpochRecord {
            epoch,
            train_loss: 0.1 + f64::from(epoch),
            train_accuracy: None,
            val_loss: Some(1.0 / 3.0),
            val_accuracy: Some(0.5),
            lr: 0.0,
        };
        let epochs = [epoch(1), epoch(2)];
        let keep = |epochs: &[EpochRecord]| {
            let mut out = std::fs::File::create(at("kept")).expect("creates");
            write(&mut out, "run", epochs, &at("own")).expect("writes");
        };
        keep(&epochs);
        assert_eq!(read(&at("kept"), "run", &at("again")).expect("reads"), epochs);
        assert_eq!(std::fs::read(at("again")).expect("is there"), b"\nbytes\0");
        assert!(read(&at("kept"), "other", &at("again")).is_err());
        assert!(read(&at("own"), "run", &at("again")).is_err());
        keep(&epochs[1..]);
        assert!(read(&at("kept"), "run", &at("again")).is_err(), "the first epoch is missing");
    }
}
