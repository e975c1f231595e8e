//! A thread of its own for talking to a server that the coordinator needs (a database, a bucket): what goes on there is
//! never kept waiting by other tasks.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::blocking;

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Aside {
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Aside {
    /// Starts one under a name.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Waits for an answer. Inside a task this needs a runtime of several threads.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        blocking::run(|| self.handle.block_on(answer))
    }

    /// Works beside everything else.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // A task may drop it, and must not wait for others there.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
