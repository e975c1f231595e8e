//! The page over a real socket: who is answered, with which headers, in pages of which size, and what is told live.

mod browser;
#[path = "../server/mod.rs"]
mod server;
mod work;

mod answers;
mod events;
mod metrics;
mod safety;
