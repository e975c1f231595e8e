//! libtorch out of the wheels of the Python package index: headers and the CPU half.
//!
//! `libtorch_cpu.so` of torch's wheel names two of CUDA's libraries, which come from NVIDIA's wheels; the rest of CUDA
//! is left out, and the wheel's `libtorch.so`, which names it, is replaced by a linker script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::{UNPACKED_BYTES_MAX, unpack};
use super::digest::sha256;
use super::layout::CPU_LIBRARY;

/// A wheel, and what is taken out of it.
struct Wheel {
    requirement: &'static str,
    file: &'static str,
    sha256: &'static str,
    place: fn(&Path) -> Option<PathBuf>,
}

/// The wheels for Python 3.11, whatever Python is installed: their checksums are known, and no Python runs them.
const WHEELS: [Wheel; 3] = [
    Wheel {
        requirement: "torch==2.11.0",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        place: place_torch,
    },
    Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        place: |name| library(name, "nvidia/cu13/lib", &["libcudart.so.13"]),
    },
    Wheel {
        requirement: "nvidia-cuda-cupti==13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        place: |name| library(name, "nvidia/cu13/lib", &["libcupti.so.13"]),
    },
];

/// What replaces the wheel's `libtorch.so`.
const LINKER_SCRIPT: &str = "INPUT(libtorch_cpu.so)\n";

/// Downloads the wheels beside `root` and lays libtorch out in it.
pub(super) fn fetch(root: &Path, _cache: &Path) -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the wheels serve Linux on x86_64 only".to_owned());
    }
    let wheels = root.with_file_name("wheels");
    download(&wheels)?;
    for wheel in &WHEELS {
        let path = wheels.join(wheel.file);
        let found = sha256(&path).map_err(|error| format!("pip left no {}: {error}", wheel.file))?;
        if found != wheel.sha256 {
            return Err(format!("{} has sha256 {found} instead of {}", wheel.file, wheel.sha256));
        }
        if unpack(&path, root, UNPACKED_BYTES_MAX, wheel.place)? == 0 {
            return Err(format!("{} holds nothing of libtorch", wheel.file));
        }
    }
    let script = root.join("lib/libtorch.so");
    fs::write(&script, LINKER_SCRIPT)
        .map_err(|error| format!("could not write {}: {error}", script.display()))
}

fn download(wheels: &Path) -> Result<(), String> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11"]);
    for platform in ["manylinux_2_28", "manylinux_2_25", "manylinux_2_17", "manylinux2014"] {
        pip.args(["--platform", &format!("{platform}_x86_64")]);
    }
    pip.arg("--dest").arg(wheels).args(WHEELS.iter().map(|wheel| wheel.requirement));
    let status = pip.status().map_err(|error| format!("could not start `python3 -m pip`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`python3 -m pip download` ended with {status}")) }
}

fn place_torch(name: &Path) -> Option<PathBuf> {
    match name.strip_prefix("torch/include") {
        Ok(header) => Some(Path::new("include").join(header)),
        Err(_) => library(name, "torch/lib", &[CPU_LIBRARY, "libc10.so", "libgomp.so.1"]),
    }
}

fn library(name: &Path, folder: &str, wanted: &[&str]) -> Option<PathBuf> {
    let file = name.strip_prefix(folder).ok()?;
    wanted.iter().any(|&wanted| file == Path::new(wanted)).then(|| Path::new("lib").join(file))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{WHEELS, place_torch};

    #[test]
    fn headers_and_the_cpu_half_are_taken() {
        let placed = |name: &str| place_torch(Path::new(name));
        assert_eq!(placed("torch/include/c10/a.h"), Some(PathBuf::from("include/c10/a.h")));
        assert_eq!(placed("torch/lib/libc10.so"), Some(PathBuf::from("lib/libc10.so")));
        for left in ["torch/lib/libtorch.so", "torch/lib/libtorch_cuda.so", "torch/a.py", "x/lib/libc10.so"] {
            assert_eq!(placed(left), None, "{left}");
        }
        let runtime = WHEELS[1].place;
        assert_eq!(runtime(Path::new("nvidia/cu13/lib/libcudart_static.a")), None);
    }
}
