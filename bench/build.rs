//! Lets the benchmarks find libtorch where they run.

use std::env;
use std::path::Path;

#[allow(clippy::disallowed_methods, reason = "Cargo speaks to build scripts through the environment")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // A packaged binary stands in `bin/` beside `lib/`; a built one uses the libtorch it was built with.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    if let Some(libtorch) = env::var_os("LIBTORCH") {
        let lib = Path::new(&libtorch).join("lib");
        let lib = lib.canonicalize().unwrap_or(lib);
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
    // Every symbol of libtorch_cpu that is used is named by torch-sys; kernels register themselves when it
    // loads, so it must stay needed although no symbol of a kernel is named.
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
}
