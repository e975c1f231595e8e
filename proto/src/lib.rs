//! Foldwise's wire protocol: the types generated from `foldwise/v1/*.proto`, and nothing else.

/// Version 1 of the protocol.
#[allow(clippy::large_enum_variant, reason = "generated: messages are what they are")]
pub mod v1 {
    tonic::include_proto!("foldwise.v1");
}

/// The compiled `.proto` files, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The version that a worker and a coordinator must share; raised when either would misunderstand the other.
pub const PROTOCOL_VERSION: u32 = 4;

/// The reason in the `google.rpc.ErrorInfo` of a refusal that a worker answers by registering again.
pub const WORKER_NOT_REGISTERED: &str = "WORKER_NOT_REGISTERED";

/// The reason in the `google.rpc.ErrorInfo` of a refusal by a coordinator that stands by while another leads.
pub const STANDS_BY: &str = "STANDS_BY";
