//! A run, written down: what the world is like, who says what, and what goes wrong when.
//!
//! **Invariant: all that a run does follows from its plan.** So a plan is a file that replays; what
//! failed once is kept as one, and made small by leaving things out (`shrink`): each purpose has a
//! stream of chance of its own, so that what is left goes on as before.

use serde::{Deserialize, Serialize};
use weft_core::time::Span;

use super::sale::Sale;
use crate::world::{Links, Posting, Settings, World, faults::Fault};

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Story {
    /// No committee: what anybody posts must reach everybody, and then there must be silence.
    Spread,
    /// A committee: all that was said must become final, everywhere.
    Finality,
}

/// A run, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The number all chance inside comes from.
    pub seed: u64,
    /// What it is about.
    pub story: Story,
    /// How many nodes there are at the start.
    pub nodes: usize,
    /// Whose operator names whom: `[by, to]`.
    pub names: Vec<[usize; 2]>,
    /// Of each client the time between two things it says, on average.
    pub clients: Vec<Span>,
    /// How long clients and sensors say something new.
    pub load: Span,
    /// How long all may take to be final, or known to all, after the load.
    pub patience: Span,
    /// What the world is like.
    pub options: Options,
    /// What is sold meanwhile, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<Sale>,
    /// Those who post readings.
    pub sensors: Vec<Sensor>,
    /// What goes wrong, in the order of time.
    pub trouble: Vec<Trouble>,
}

/// Somebody who posts readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// The node it posts at.
    pub at: usize,
    /// How.
    pub posting: Posting,
}

/// Something that goes wrong, or right again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// How long after all began to talk.
    pub after: Span,
    /// What.
    pub fault: Fault,
}

/// What the world is like. What is not named stays as a node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How many of the first nodes are validators.
    pub validators: u64,
    /// Commits from one snapshot to the next.
    pub snapshot_every: u32,
    /// How links behave.
    pub links: Links,
    /// How long inputs wait at most until the machine has time for them.
    pub busy: Span,
    /// Inputs handled into one outbox.
    pub group_max: usize,
    /// Connections a machine tries to keep by dialling.
    pub peers_target: usize,
    /// Least and idle time of a round of checkpoints, and how long its leader is waited for.
    pub pace: [Span; 3],
    /// Transactions in the live DAG.
    pub live_count_max: usize,
    /// Bytes kept at hand of what waits for its place in the order.
    pub at_hand_bytes_max: u64,
    /// Transactions walked for one answer with a past.
    pub cone_walk_max: u64,
    /// Bytes of such an answer.
    pub cone_bytes: u64,
    /// Most tips.
    pub tips_max: usize,
    /// Bytes that may wait for a parent: from one peer, and in all.
    pub waiting_bytes: [u64; 2],
    /// Byte strings that the filter of seen ones remembers.
    pub seen_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let settings = Settings::new(0);
        let limits = settings.limits;
        Self {
            validators: settings.validators,
            snapshot_every: settings.snapshot_every,
            links: settings.links,
            busy: settings.busy,
            group_max: settings.group_max,
            peers_target: limits.peers_target,
            pace: [limits.pace.min, limits.pace.idle, limits.pace.leader_timeout],
            live_count_max: limits.live_count_max,
            at_hand_bytes_max: limits.at_hand_bytes_max,
            cone_walk_max: limits.cone_walk_max,
            cone_bytes: limits.cone_bytes,
            tips_max: limits.tips_max,
            waiting_bytes: [limits.waiting_bytes_per_peer, limits.waiting_bytes_max],
            seen_max: settings.seen_max,
        }
    }
}

impl Options {
    fn settings(&self, seed: u64) -> Settings {
        let mut settings = Settings::new(seed);
        settings.validators = self.validators;
        settings.copies = true;
        settings.snapshot_every = self.snapshot_every;
        settings.links = self.links.clone();
        settings.busy = self.busy;
        settings.group_max = self.group_max;
        settings.seen_max = self.seen_max;
        let limits = &mut settings.limits;
        limits.peers_target = self.peers_target;
        [limits.pace.min, limits.pace.idle, limits.pace.leader_timeout] = self.pace;
        limits.live_count_max = self.live_count_max;
        limits.at_hand_bytes_max = self.at_hand_bytes_max;
        limits.cone_walk_max = self.cone_walk_max;
        limits.cone_bytes = self.cone_bytes;
        limits.tips_max = self.tips_max;
        [limits.waiting_bytes_per_peer, limits.waiting_bytes_max] = self.waiting_bytes;
        settings
    }
}

impl Plan {
    /// Whether all that it names exists. An error says what does not.
    pub fn check(&self) -> Result<(), String> {
        let named = self.names.iter().flatten().copied();
        let named = named.chain(self.sensors.iter().map(|sensor| sensor.at));
        let named = named.chain(self.sale.iter().flat_map(Sale::homes));
        // Nodes that join take the numbers behind those that are there at the start.
        let joins = |trouble: &&Trouble| matches!(trouble.fault, Fault::Join(_) | Fault::Twin(..));
        let most = self.nodes + self.trouble.iter().filter(joins).count();
        let hit = self.trouble.iter().flat_map(|trouble| trouble.fault.names());
        if let Some(nobody) = named.clone().find(|node| *node >= self.nodes) {
            return Err(format!("node {nobody} is named, but there are {} nodes", self.nodes));
        }
        if let Some(nobody) = hit.clone().find(|node| *node >= most) {
            return Err(format!("node {nobody} is in trouble, but there are never so many"));
        }
        if self.options.validators > self.nodes as u64 {
            let validators = self.options.validators;
            return Err(format!("{validators} validators, but {} nodes", self.nodes));
        }
        self.check_sale()
    }

    fn check_sale(&self) -> Result<(), String> {
        let Some(sale) = &self.sale else { return Ok(()) };
        if self.story == Story::Spread {
            return Err("something is sold, but nobody commits while all only spreads".into());
        }
        let cheat = sale.homes().into_iter().find(|home| self.cheats(*home));
        cheat.map_or(Ok(()), |cheat| {
            Err(format!("whoever trades is at home at node {cheat}, which breaks the rules"))
        })
    }

    /// Whether a node breaks the rules, or loses its disk, at some time.
    pub(super) fn cheats(&self, node: usize) -> bool {
        self.trouble.iter().any(|trouble| match trouble.fault {
            Fault::Corrupt(one, _) | Fault::Twin(one, _) | Fault::Rollback(one) => one == node,
            _ => false,
        })
    }

    /// The world before anybody talks and anything goes wrong.
    pub(super) fn world(&self) -> World {
        let mut settings = self.options.settings(self.seed);
        settings.clients =
            (self.clients.len() + self.sale.iter().flat_map(Sale::homes).count()) as u64;
        let mut world = World::new(settings);
        for _ in 0..self.nodes {
            world.add_node();
        }
        for [by, to] in &self.names {
            world.connect(*by, *to);
        }
        world
    }

    /// All begin to talk, and what will go wrong is in the queue.
    pub(super) fn begin(&self, world: &mut World) {
        for every in &self.clients {
            world.add_client(*every, self.load);
        }
        for Sensor { at, posting } in &self.sensors {
            world.add_poster(*at, *posting, self.load);
        }
        for Trouble { after, fault } in &self.trouble {
            world.plan_fault(*after, fault.clone());
        }
    }
}

/// Names of a network in which each is connected to each.
pub(super) fn mesh(nodes: usize) -> Vec<[usize; 2]> {
    (0..nodes).flat_map(|by| (by + 1..nodes).map(move |to| [by, to])).collect()
}

/// Names of a network in a row.
pub(super) fn line(nodes: usize) -> Vec<[usize; 2]> {
    (1..nodes).map(|to| [to - 1, to]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn what_is_drawn_can_be_run() {
        for story in [Story::Spread, Story::Finality] {
            (0..50).for_each(|seed| Plan::draw(story, seed).check().unwrap());
        }
    }

    #[test]
    fn nothing_is_sold_where_nobody_commits_or_whoever_trades_lives_beside_a_cheat() {
        let sells = |plan: &Plan| plan.sale.is_some();
        let plan = (0..).map(|seed| Plan::draw(Story::Finality, seed)).find(sells).unwrap();
        let refusal = |plan: Plan| plan.check().unwrap_err();
        let spread = refusal(Plan { story: Story::Spread, ..plan.clone() });
        assert!(spread.contains("nobody commits"), "{spread}");
        let [seller, buyer] = plan.sale.unwrap().homes();
        for home in [seller, buyer] {
            let mut plan = plan.clone();
            let fault = Fault::Rollback(home);
            plan.trouble.push(Trouble { after: Span::default(), fault });
            assert!(refusal(plan).contains(&format!("node {home}")));
        }
    }
}
