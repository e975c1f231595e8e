//! Generates the protocol's types with a protobuf compiler written in Rust: no protoc is needed.

use std::error::Error;
use std::{env, fs, io, path::PathBuf};

use prost::Message;

const FILES: [&str; 5] = [
    "foldwise/v1/access.proto",
    "foldwise/v1/study.proto",
    "foldwise/v1/worker.proto",
    "foldwise/v1/run.proto",
    "foldwise/v1/trainer.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=foldwise");
    Ok(())
}
