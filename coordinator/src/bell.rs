//! Wakes slots that wait for work: as many as there is work for, not all of them.

use foldwise_study::spec::DeviceKind;
use tokio::sync::Notify;

/// One queue of waiting slots for each kind of device.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    cpu: Notify,
    cuda: Notify,
}

impl Bell {
    /// Wakes one slot that has waited longest, of a kind of device, or of each.
    pub(crate) fn ring(&self, kind: Option<DeviceKind>) {
        if kind != Some(DeviceKind::Cuda) {
            self.cpu.notify_one();
        }
        if kind != Some(DeviceKind::Cpu) {
            self.cuda.notify_one();
        }
    }

    /// Wakes every slot.
    pub(crate) fn ring_all(&self) {
        self.cpu.notify_waiters();
        self.cuda.notify_waiters();
    }

    /// Waits to be woken. A ring that nobody waited for wakes the next who does.
    pub(crate) async fn wait(&self, kind: DeviceKind) {
        match kind {
            DeviceKind::Cpu => self.cpu.notified().await,
            DeviceKind::Cuda => self.cuda.notified().await,
        }
    }
}
