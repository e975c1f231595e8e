//! Reports of commands: any bytes, line by line.

// The worker cannot be linked without libtorch, so that the one file is taken alone.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "what the worker uses of it and shows is not used and shown here"
)]
#[path = "../../../worker/src/command/lines.rs"]
mod lines;

use lines::{Account, Expected};

/// A first byte says what the run expects; the rest are the lines of its report.
pub fn command(input: &[u8]) {
    let Some((first, report)) = input.split_first() else { return };
    let asked = |bit: u8| first & (1 << bit) != 0;
    let expected =
        Expected { epochs: u32::from(first >> 4), validates: asked(0), tests: asked(1), classes: asked(2) };
    let mut account = Account::new(expected, Vec::new());
    for line in report.split(|&byte| byte == b'\n') {
        if let Err(wrong) = account.take(line) {
            assert!(!wrong.reason.is_empty() && !wrong.to_string().contains('\0'));
            break;
        }
    }
    assert!(account.epochs.len() <= expected.epochs as usize);
    for (record, epoch) in account.epochs.iter().zip(1..) {
        assert_eq!(record.epoch, epoch);
        assert_eq!(record.val_loss.is_some(), expected.validates);
        assert_eq!(record.val_accuracy.is_some(), expected.validates && expected.classes);
        let losses = [Some(record.train_loss), record.val_loss, Some(record.lr)];
        assert!(losses.into_iter().flatten().all(f64::is_finite));
    }
    assert!(account.test.is_none() || expected.tests);
}
