//! The nodes that the two live beside: when one loses power, so does who lives there.
//!
//! As in `weft-node`, whose shop and live purchases are part of its process: a node that stops
//! takes them along with what they had not synced, a node that is paused pauses them, and when it
//! starts again so do they, with what is on their disks.

use super::Trade;
use crate::world::World;

/// A party of a trade, beside its node.
#[derive(Debug)]
pub(super) struct Home {
    node: usize,
    /// Which life of the node the party was last seen in.
    life: u64,
    /// Whether somebody started the party, and nobody stopped it.
    pub(super) is_wanted: bool,
    pub(super) is_awake: bool,
    /// How often the node took the party along.
    pub(super) deaths: u64,
}

/// What became of a node since somebody last looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is down, or was.
    Died,
    Runs,
}

impl Home {
    pub(super) fn new(node: usize, world: &World) -> Self {
        let life = world.node(node).lives();
        Self { node, life, is_wanted: false, is_awake: world.runs(node), deaths: 0 }
    }

    fn look(&mut self, world: &World) -> Fate {
        let node = world.node(self.node);
        let before = core::mem::replace(&mut self.life, node.lives());
        self.is_awake = world.runs(self.node);
        if before == self.life && node.is_live() { Fate::Runs } else { Fate::Died }
    }
}

impl Trade {
    /// Whoever's node went down is gone; whoever's node runs again starts.
    pub(super) fn look_at_homes(&mut self) {
        let world = &self.exchange.world;
        if self.seller_home.look(world) == Fate::Died && self.seller.is_some() {
            self.seller_home.deaths += 1;
            self.lose_seller();
        }
        let world = &self.exchange.world;
        if self.buyer_home.look(world) == Fate::Died && self.buyer.is_some() {
            self.buyer_home.deaths += 1;
            self.lose_buyer();
        }
        let Home { is_awake, is_wanted, .. } = self.seller_home;
        if is_awake && is_wanted && self.seller.is_none() {
            self.start_seller();
        }
        let Home { is_awake, is_wanted, .. } = self.buyer_home;
        if is_awake && is_wanted && self.buyer.is_none() {
            self.start_buyer();
        }
    }

    /// The nodes of both sides hear each other.
    pub(super) fn is_way_clear(&self) -> bool {
        let (seller, buyer) = (self.seller_home.node, self.buyer_home.node);
        seller == buyer || !self.exchange.world.network.is_blocked(seller, buyer)
    }
}
