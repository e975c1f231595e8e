//! A machine of its own, as far as the network is concerned: a Linux network namespace behind one cable.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A network namespace, and the cable to it; both are removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// This end of the cable.
    cable: String,
    /// The address of this end.
    address: String,
}

impl Namespace {
    /// Makes one; `None` where that is not allowed.
    #[must_use]
    pub fn new() -> Option<Self> {
        static NAMESPACES: AtomicU32 = AtomicU32::new(0);
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed) % 4;
        let process = std::process::id();
        let part = process.wrapping_mul(4).wrapping_add(number);
        // A range for tests of networks (RFC 2544), in parts of four addresses.
        let [high, low] = [part / 64 % 256, part % 64 * 4];
        let name = format!("fw{process}n{number}");
        let (cable, other) = (format!("{name}a"), format!("{name}b"));
        let address = format!("198.18.{high}.{}", low + 1);
        let made = ip(&format!("netns add {name}"));
        let namespace = made.then_some(Self { name, cable, address })?;
        let Self { name, cable, address } = &namespace;
        let steps = [
            format!("link add {cable} type veth peer name {other} netns {name}"),
            format!("addr add {address}/30 dev {cable}"),
            format!("link set {cable} up"),
            format!("-n {name} addr add 198.18.{high}.{}/30 dev {other}", low + 2),
            format!("-n {name} link set {other} up"),
        ];
        steps.iter().all(|step| ip(step)).then_some(namespace)
    }

    /// The address of this machine, as the other one sees it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What starts a program over there.
    #[must_use]
    pub fn inside(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Pulls the cable out.
    pub fn cut(&self) {
        assert!(ip(&format!("link set {} down", self.cable)));
    }

    /// Puts the cable in again.
    pub fn mend(&self) {
        assert!(ip(&format!("link set {} up", self.cable)));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("link del {}", self.cable));
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(line: &str) -> bool {
    let done = Command::new("ip").args(line.split(' ')).output();
    done.is_ok_and(|output| output.status.success())
}
