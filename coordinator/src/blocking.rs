//! Work that waits for the disk or keeps a core busy, inside a task.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does such work. Where there are several threads, other tasks move off this one first; on a single thread, as in a
/// simulation, it is done in line, which keeps the order of everything the same in every run.
pub(crate) fn run<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
