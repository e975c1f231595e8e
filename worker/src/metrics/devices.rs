//! GPUs as NVIDIA's driver tells of them. Where there is no driver there are none.

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

/// NVIDIA's management library, opened by name.
pub(super) struct Driver(Nvml);

/// How a GPU stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Device {
    pub(super) ordinal: u32,
    pub(super) memory_bytes: u64,
    pub(super) used_bytes: u64,
    pub(super) use_ratio: f64,
}

/// The driver; `None` where there is none, which is a normal state.
pub(super) fn open() -> Option<Driver> {
    Nvml::init().ok().map(Driver)
}

impl Driver {
    /// Those that answer.
    pub(super) fn devices(&self) -> Vec<Device> {
        let count = self.0.device_count().unwrap_or(0);
        (0..count).filter_map(|ordinal| self.device(ordinal).ok()).collect()
    }

    fn device(&self, ordinal: u32) -> Result<Device, NvmlError> {
        let device = self.0.device_by_index(ordinal)?;
        let memory = device.memory_info()?;
        let use_ratio = f64::from(device.utilization_rates()?.gpu) / 100.0;
        Ok(Device { ordinal, memory_bytes: memory.total, used_bytes: memory.used, use_ratio })
    }
}
