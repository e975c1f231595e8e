//! How many connections there are, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections in all: far more than workers and people have, far fewer than a machine has memory for.
const CONNECTIONS_MAX: usize = 4_096;
/// Connections from one address, behind which many machines may stand.
const FROM_ONE_MAX: usize = 512;

/// Those who are here.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<Count>>);

#[derive(Debug, Default)]
struct Count {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Whether it was said that somebody was turned away, so that it is said once.
    told: bool,
}

/// A place for a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// A place, if there is one.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = neighbourhood(address);
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = count.by_address.get(&address).copied().unwrap_or(0);
        if count.all >= CONNECTIONS_MAX || here >= FROM_ONE_MAX {
            if !count.told {
                count.told = true;
                tracing::warn!(%address, from_it = here, in_all = count.all, "connections are turned away: too many are open");
            }
            return None;
        }
        count.told = false;
        count.all += 1;
        count.by_address.insert(address, here + 1);
        Some(Place { crowd: self.clone(), address })
    }
}

/// What counts as one address: of IPv6 the network of 64 bits, of which one machine may have every address.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.all -= 1;
        if let Some(here) = count.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                count.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, FROM_ONE_MAX};

    #[test]
    fn one_address_does_not_fill_the_coordinator() {
        let crowd = Crowd::default();
        let mut places: Vec<_> =
            (0..FROM_ONE_MAX).map(|_| crowd.enter([10, 0, 0, 1].into()).unwrap()).collect();
        assert!(crowd.enter([10, 0, 0, 1].into()).is_none());
        assert!(crowd.enter([10, 0, 0, 2].into()).is_some());
        places.pop();
        assert!(crowd.enter([10, 0, 0, 1].into()).is_some(), "a place that is left is free again");
        drop(places);
        let from = |last: u16| crowd.enter(std::net::Ipv6Addr::new(1, 2, 3, 4, 5, 6, 7, last).into());
        let neighbours: Vec<_> = (0..600).map(from).collect();
        let in_all = neighbours.iter().flatten().count();
        assert_eq!(in_all, FROM_ONE_MAX, "neighbours count as one");
        drop(neighbours);
        assert!(crowd.0.lock().unwrap().by_address.is_empty());
    }
}
