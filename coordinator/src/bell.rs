//! Wakes slots that wait for work: as many as there is work for, not all of them.

use foldwise_study::spec::{DeviceKind, OwnCode};
use tokio::sync::Notify;

use crate::ledger::SlotKind;

/// One queue of waiting slots for each kind of device, and one more for the work of each that not every slot may have.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    plain: Devices,
    command: Devices,
}

#[derive(Debug, Default)]
struct Devices {
    cpu: Notify,
    cuda: Notify,
}

impl Bell {
    /// Wakes one slot that has waited longest, of those that may have work of a study with this code and of a kind of
    /// device, or of each.
    pub(crate) fn ring(&self, code: Option<OwnCode>, kind: Option<DeviceKind>) {
        let devices = match code {
            None => &self.plain,
            Some(OwnCode::Command | OwnCode::Module) => &self.command,
        };
        if kind != Some(DeviceKind::Cuda) {
            devices.cpu.notify_one();
        }
        if kind != Some(DeviceKind::Cpu) {
            devices.cuda.notify_one();
        }
    }

    /// Wakes every slot.
    pub(crate) fn ring_all(&self) {
        for devices in [&self.plain, &self.command] {
            devices.cpu.notify_waiters();
            devices.cuda.notify_waiters();
        }
    }

    /// Waits to be woken. A ring that nobody waited for wakes the next who does.
    pub(crate) async fn wait(&self, slot: SlotKind) {
        let command = async {
            match slot.allowed.commands {
                true => self.command.of(slot.device).notified().await,
                false => std::future::pending().await,
            }
        };
        // A ring that comes for one while the other wakes goes on to the next who waits.
        tokio::select! {
            biased;
            () = self.plain.of(slot.device).notified() => {}
            () = command => {}
        }
    }
}

impl Devices {
    fn of(&self, kind: DeviceKind) -> &Notify {
        match kind {
            DeviceKind::Cpu => &self.cpu,
            DeviceKind::Cuda => &self.cuda,
        }
    }
}
