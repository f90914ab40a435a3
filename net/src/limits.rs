//! Who may come in: node ids are free, so strangers are counted by where they come from.
//!
//! Pure bookkeeping over addresses. Invariant: addresses that are not proved (QUIC Retry, RFC 9000
//! section 8.1) hold at most half of any room, so nobody can shut others out with forged senders.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::config::NetConfig;

/// What to do with a stranger.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Let it in; the pass counts it as long as it lives.
    Enter(Pass),
    /// Have it prove its address and come again.
    Prove,
    /// Turn it away.
    Refuse,
}

/// Counts strangers.
#[derive(Debug)]
pub(crate) struct Gate {
    rooms: Mutex<Rooms>,
    handshakes_max: usize,
    handshakes_per_prefix: usize,
    connections_per_prefix: usize,
    exempt_loopback: bool,
}

#[derive(Debug, Default)]
struct Rooms {
    handshakes: usize,
    prefixes: HashMap<Prefix, Count>,
}

#[derive(Debug, Default)]
struct Count {
    handshakes: usize,
    connections: usize,
}

/// The part of an address that one party is likely to hold alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 3]),
    V6([u16; 3]),
}

impl Prefix {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                Self::V6([a, b, c])
            }
        }
    }
}

impl Gate {
    pub(crate) fn new(config: &NetConfig) -> Arc<Self> {
        Arc::new(Self {
            rooms: Mutex::default(),
            handshakes_max: config.handshakes_max,
            handshakes_per_prefix: config.handshakes_per_prefix,
            connections_per_prefix: config.connections_per_prefix,
            exempt_loopback: config.exempt_loopback,
        })
    }

    /// Decides about a stranger at `address`; `proved` says whether it can be reached there.
    pub(crate) fn enter(self: &Arc<Self>, address: SocketAddr, proved: bool) -> Verdict {
        let ip = address.ip().to_canonical();
        let prefix = (!(self.exempt_loopback && ip.is_loopback())).then(|| Prefix::of(ip));
        let share = |limit: usize| if proved { limit } else { limit / 2 };
        let mut rooms = self.rooms();
        let mut fits = rooms.handshakes < share(self.handshakes_max);
        if let Some(prefix) = prefix {
            let count = rooms.prefixes.entry(prefix).or_default();
            fits = fits
                && count.handshakes < share(self.handshakes_per_prefix)
                && count.handshakes + count.connections < self.connections_per_prefix;
            count.handshakes += usize::from(fits);
            rooms.forget_if_empty(prefix);
        }
        rooms.handshakes += usize::from(fits);
        match (fits, proved) {
            (true, _) => Verdict::Enter(Pass { gate: self.clone(), prefix, established: false }),
            (false, false) => Verdict::Prove,
            (false, true) => Verdict::Refuse,
        }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    fn forget_if_empty(&mut self, prefix: Prefix) {
        let empty = |count: &Count| count.handshakes == 0 && count.connections == 0;
        if self.prefixes.get(&prefix).is_some_and(empty) {
            self.prefixes.remove(&prefix);
        }
    }
}

/// The place one stranger takes; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    prefix: Option<Prefix>,
    established: bool,
}

impl Pass {
    /// The handshake is over; from now on it counts as a connection.
    pub(crate) fn establish(&mut self) {
        if !self.established {
            self.leave();
            self.established = true;
            if let Some(prefix) = self.prefix {
                self.gate.rooms().prefixes.entry(prefix).or_default().connections += 1;
            }
        }
    }

    fn leave(&self) {
        let mut rooms = self.gate.rooms();
        if !self.established {
            rooms.handshakes = rooms.handshakes.saturating_sub(1);
        }
        let Some(prefix) = self.prefix else { return };
        if let Some(count) = rooms.prefixes.get_mut(&prefix) {
            let place =
                if self.established { &mut count.connections } else { &mut count.handshakes };
            *place = place.saturating_sub(1);
        }
        rooms.forget_if_empty(prefix);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Arc<Gate> {
        Gate::new(&NetConfig {
            handshakes_max: 8,
            handshakes_per_prefix: 4,
            connections_per_prefix: 5,
            ..NetConfig::default()
        })
    }

    fn enter(gate: &Arc<Gate>, ip: &str, proved: bool) -> Result<Pass, &'static str> {
        match gate.enter(SocketAddr::new(ip.parse().unwrap(), 9), proved) {
            Verdict::Enter(pass) => Ok(pass),
            Verdict::Prove => Err("prove"),
            Verdict::Refuse => Err("refuse"),
        }
    }

    #[test]
    fn unproved_addresses_hold_at_most_half() {
        let gate = gate();
        let _unproved = [enter(&gate, "9.9.9.1", false), enter(&gate, "9.9.9.2", false)];
        assert_eq!(enter(&gate, "9.9.9.3", false).unwrap_err(), "prove");
        let _proved = [enter(&gate, "9.9.9.3", true), enter(&gate, "9.9.9.3", true)];
        assert_eq!(enter(&gate, "9.9.9.3", true).unwrap_err(), "refuse");
        assert!(enter(&gate, "9.9.8.1", true).is_ok(), "another prefix");
    }

    #[test]
    fn all_prefixes_together_are_bounded() {
        let gate = gate();
        let passes: Vec<_> =
            (0..8).map(|net| enter(&gate, &format!("9.9.{net}.1"), true).unwrap()).collect();
        assert_eq!(enter(&gate, "9.9.100.1", true).unwrap_err(), "refuse");
        assert_eq!(enter(&gate, "9.9.100.1", false).unwrap_err(), "prove");
        drop(passes);
        assert!(enter(&gate, "9.9.100.1", true).is_ok());
    }

    #[test]
    fn connections_count_after_the_handshake() {
        let gate = gate();
        let mut passes = Vec::new();
        for _ in 0..5 {
            let mut pass = enter(&gate, "2001:db8:7::1", true).unwrap();
            pass.establish();
            pass.establish();
            passes.push(pass);
        }
        assert_eq!(enter(&gate, "2001:db8:7:ffff::2", true).unwrap_err(), "refuse");
        passes.pop();
        assert!(enter(&gate, "2001:db8:7:ffff::2", true).is_ok());
    }

    #[test]
    fn loopback_is_free_of_the_limits_per_prefix_and_all_is_given_back() {
        let gate = gate();
        let passes: Vec<_> =
            (0..8).map(|_| enter(&gate, "::ffff:127.0.0.1", true).unwrap()).collect();
        assert_eq!(enter(&gate, "127.0.0.1", true).unwrap_err(), "refuse");
        drop(passes);
        drop(enter(&gate, "9.9.9.9", true));
        let rooms = gate.rooms();
        assert_eq!((rooms.handshakes, rooms.prefixes.len()), (0, 0));
    }
}
