//! Ports on loopback that nobody else listens on.
//!
//! Left out on purpose: a guarantee. Between the look and the use another program may be faster;
//! the node then says so.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// Where one node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// TCP, for the API.
    pub(crate) api: u16,
    /// UDP, for other nodes.
    pub(crate) p2p: u16,
}

/// How far the ports for nodes lie above those for the API.
pub(crate) const P2P_OFFSET: u16 = 100;

/// Most nodes of one network on one machine: their API ports must stay below those for nodes.
pub(crate) const NODES_MAX: u16 = 64;
const _: () = assert!(NODES_MAX <= P2P_OFFSET);

/// Highest port at which a network's first API may listen.
pub(crate) const BASE_MAX: u16 = u16::MAX - P2P_OFFSET - NODES_MAX;

impl Ports {
    /// The ports of node `index` of a network whose first API listens at `base`.
    pub(crate) const fn of(base: u16, index: u16) -> Self {
        let api = base.saturating_add(index);
        Self { api, p2p: api.saturating_add(P2P_OFFSET) }
    }

    pub(crate) fn api_address(self) -> SocketAddr {
        loopback(self.api)
    }

    pub(crate) fn p2p_address(self) -> SocketAddr {
        loopback(self.p2p)
    }

    pub(crate) fn are_free(self) -> bool {
        is_tcp_free(self.api_address()) && is_udp_free(self.p2p_address())
    }
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

pub(crate) fn is_tcp_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

pub(crate) fn is_udp_free(address: SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok()
}

/// The ports of `count` nodes: those wanted where they are free, else the next run of free ones
/// above. `None` if there is none.
pub(crate) fn free_run(wanted: u16, count: u16) -> Option<Vec<Ports>> {
    let runs = (wanted..=BASE_MAX).step_by(usize::from(P2P_OFFSET) * 2);
    let mut runs = runs.map(|base| (0..count).map(move |index| Ports::of(base, index)));
    let free = runs.find(|run| run.clone().all(Ports::are_free));
    free.map(Iterator::collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_moves_the_whole_run() {
        // Some run of two is free, whatever else this machine runs.
        let first = free_run(20_000, 2).unwrap();
        let base = first[0].api;
        let _taken = UdpSocket::bind(first[1].p2p_address()).unwrap();
        let second = free_run(base, 2).unwrap();
        assert!(second[0].api > base);
        assert!(second.iter().all(|ports| ports.are_free()));
        assert_eq!(second[1].p2p, second[0].api + 1 + P2P_OFFSET);
    }

    #[test]
    fn the_last_run_ends_below_the_last_port() {
        assert!(Ports::of(BASE_MAX, NODES_MAX - 1).p2p < u16::MAX);
    }
}
