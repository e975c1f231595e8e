//! The profiles that need no file of a person's: files as `foldwise worker calibrate` writes them, compiled in.

use std::sync::LazyLock;

use super::DeviceProfile;
use crate::spec::DeviceKind;

static CPU: LazyLock<DeviceProfile> = LazyLock::new(|| ours(include_str!("shipped-cpu.toml")));
static CUDA: LazyLock<DeviceProfile> = LazyLock::new(|| ours(include_str!("shipped-cuda.toml")));

impl DeviceProfile {
    /// The shipped profile of a kind of device, for where no better is known.
    #[must_use]
    pub fn shipped(kind: DeviceKind) -> Self {
        match kind {
            DeviceKind::Cpu => CPU.clone(),
            DeviceKind::Cuda => CUDA.clone(),
        }
    }
}

fn ours(text: &str) -> DeviceProfile {
    DeviceProfile::read_ours(text).expect("a test reads every shipped profile")
}

#[cfg(test)]
mod tests {
    use crate::plan::DeviceProfile;
    use crate::spec::DeviceKind;

    #[test]
    fn shipped_profiles_can_be_read() {
        for kind in [DeviceKind::Cpu, DeviceKind::Cuda] {
            let profile = DeviceProfile::shipped(kind);
            assert_eq!((profile.kind, profile.name), (kind, format!("shipped-{}", kind.word())));
        }
    }
}
