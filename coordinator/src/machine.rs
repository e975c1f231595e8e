//! Which names of machines are this machine's own.

use std::net::IpAddr;

/// Whether a host, without the brackets of an IPv6 address, is this machine: what is sent there stays here.
pub(crate) fn is_this(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
