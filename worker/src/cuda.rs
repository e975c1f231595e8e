//! Opens libtorch's CUDA half by name, so that one binary serves machines with and without a GPU.
//!
//! The worker links `libtorch_cpu` alone. This file alone may open a library; nothing here touches tensors.
#![allow(unsafe_code, reason = "opening a shared library runs its initializers, which no type can vouch for")]

/// The library's file name; it is looked for in the binary's run path and the system's library path.
const LIBRARY: &str = "libtorch_cuda.so";

/// Opens libtorch's CUDA library where there is one and says whether a CUDA device can be used.
///
/// Call it once, before any tensor is made: libtorch registers CUDA's kernels while the library opens.
/// The library stays open until the process ends. Its absence is a normal state.
#[must_use]
pub fn open_cuda() -> bool {
    // SAFETY: the library is libtorch's own and of the same release as the linked one; its initializers
    // register kernels and nothing else. It is never closed, so nothing registered can dangle.
    match unsafe { libloading::Library::new(LIBRARY) } {
        Ok(library) => std::mem::forget(library),
        Err(_) => return false,
    }
    tch::Cuda::is_available()
}
