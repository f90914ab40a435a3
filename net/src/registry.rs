//! One connection per peer: who is connected, and which of two connections stays.
//!
//! The rule, which both ends decide alike: a connection from another run of the peer replaces the
//! old one, whose other end is dead; of two from one run that both ends dialled, the one stays that
//! the smaller id dialled; of two that the same end dialled, the later one, since that end has
//! given up the earlier.
//!
//! Invariant: a connection is announced only after the one it replaces is wholly gone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use weft_core::digest::NodeId;

use crate::{handshake::HandshakeError, peer::Peer};

/// Everyone connected, by id.
#[derive(Debug)]
pub(crate) struct Registry {
    own: NodeId,
    limit: usize,
    peers: Mutex<HashMap<NodeId, Arc<Peer>>>,
}

impl Registry {
    pub(crate) fn new(own: NodeId, limit: usize) -> Self {
        Self { own, limit, peers: Mutex::default() }
    }

    /// Takes a connection in. Gives the one it replaces, which the caller closes and whose end it
    /// awaits.
    pub(crate) fn admit(&self, new: &Arc<Peer>) -> Result<Option<Arc<Peer>>, HandshakeError> {
        let mut peers = self.peers();
        match peers.get(&new.id) {
            Some(old) if !old.is_closing() => {
                let same_run = old.certificate == new.certificate;
                if !later_stays(self.own, new.id, same_run, old.inbound, new.inbound) {
                    return Err(HandshakeError::Duplicate);
                }
            }
            _ if new.fixed => {}
            _ => {
                let limit = self.limit;
                let others = peers.values().filter(|peer| !peer.is_closing()).count();
                if others >= limit {
                    return Err(HandshakeError::Full { limit });
                }
            }
        }
        Ok(peers.insert(new.id, new.clone()))
    }

    /// Forgets a connection that is gone. Whether a dial was passed over for its sake.
    pub(crate) fn remove(&self, gone: &Arc<Peer>) -> bool {
        let mut peers = self.peers();
        if peers.get(&gone.id).is_some_and(|found| Arc::ptr_eq(found, gone)) {
            peers.remove(&gone.id);
        }
        gone.awaited.load(Ordering::Relaxed)
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<Arc<Peer>> {
        self.peers().get(id).cloned()
    }

    /// Whether a connection stands or is about to.
    pub(crate) fn is_connected(&self, id: &NodeId) -> bool {
        self.peers().get(id).is_some_and(|peer| !peer.is_closing())
    }

    /// As [`Self::is_connected`]; if so, whoever asks will hear: `PeerUp`, or else `DialFailed`.
    pub(crate) fn await_up(&self, id: &NodeId) -> bool {
        let peers = self.peers();
        let Some(peer) = peers.get(id).filter(|peer| !peer.is_closing()) else { return false };
        peer.awaited.store(true, Ordering::Relaxed);
        true
    }

    pub(crate) fn all(&self) -> Vec<Arc<Peer>> {
        self.peers().values().cloned().collect()
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<NodeId, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the later of two living connections to `peer` stays.
fn later_stays(
    own: NodeId,
    peer: NodeId,
    same_run: bool,
    earlier_inbound: bool,
    later_inbound: bool,
) -> bool {
    let dialled_by_smaller = later_inbound == (peer < own);
    !same_run || earlier_inbound == later_inbound || dialled_by_smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: NodeId = NodeId([1; 32]);
    const LARGE: NodeId = NodeId([2; 32]);

    #[test]
    fn both_ends_keep_the_same_connection_whatever_came_first() {
        for small_dialled_later in [true, false] {
            let at_small =
                later_stays(SMALL, LARGE, true, small_dialled_later, !small_dialled_later);
            let at_large =
                later_stays(LARGE, SMALL, true, !small_dialled_later, small_dialled_later);
            assert_eq!(at_small, small_dialled_later);
            assert_eq!(at_large, small_dialled_later);
        }
    }

    #[test]
    fn a_second_dial_of_the_same_end_replaces_the_first() {
        assert!(later_stays(SMALL, LARGE, true, true, true));
        assert!(later_stays(SMALL, LARGE, true, false, false));
    }

    #[test]
    fn a_restarted_peer_replaces_whatever_stands() {
        for (earlier, later) in [(true, true), (true, false), (false, true), (false, false)] {
            assert!(later_stays(SMALL, LARGE, false, earlier, later));
            assert!(later_stays(LARGE, SMALL, false, earlier, later));
        }
    }
}
