//! Opens libtorch's CUDA half by name, so that one binary serves machines with and without a GPU, and sets how it
//! rounds.
//!
//! The worker links `libtorch_cpu` alone. This file alone may open a library; nothing here touches tensors.
#![allow(unsafe_code, reason = "opening a shared library runs its initializers, which no type can vouch for")]

use std::ffi::c_void;

// libtorch's settings by their C++ names, which the bindings leave out. Both setters write one field.
unsafe extern "C" {
    /// `at::Context& at::globalContext()`.
    #[link_name = "_ZN2at13globalContextEv"]
    fn global_context() -> *mut c_void;
    /// `void at::Context::setAllowTF32CuDNN(bool)`: convolutions.
    #[link_name = "_ZN2at7Context17setAllowTF32CuDNNEb"]
    fn set_tf32_of_convolutions(context: *mut c_void, allowed: bool);
    /// `void at::Context::setAllowTF32CuBLAS(bool)`: matrix products.
    #[link_name = "_ZN2at7Context18setAllowTF32CuBLASEb"]
    fn set_tf32_of_products(context: *mut c_void, allowed: bool);
}

/// Sets whether CUDA's matrix products and convolutions round 32-bit numbers to TF32. By itself libtorch lets
/// convolutions and not matrix products.
pub(crate) fn round_to_tf32(rounds: bool) {
    // SAFETY: the context is a static of libtorch that lives as long as the process, and the setters are its own
    // member functions, whose first argument is the object in every C++ convention of the platforms that libtorch
    // serves. One trainer trains one cohort at a time, on the thread that calls this.
    unsafe {
        let context = global_context();
        set_tf32_of_convolutions(context, rounds);
        set_tf32_of_products(context, rounds);
    }
}

/// The library of NVIDIA's driver.
const DRIVER: &str = "libcuda.so.1";

/// Whether NVIDIA's driver is installed here, without which there is no CUDA device. No device is touched.
#[must_use]
pub fn driver_is_there() -> bool {
    // SAFETY: the driver's library does nothing before its `cuInit` is called, which nobody does here.
    unsafe { libloading::Library::new(DRIVER) }.is_ok()
}

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
