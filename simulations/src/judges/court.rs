//! When a world is at rest, and who judges it then.

use std::collections::BTreeSet;

use weft_core::{committee::Author, digest::NodeId, machine::Status, time::Span};
use weft_storage::Store as _;

use super::{
    Broken, Rule, agreement, answers, bounds, causality, convergence, durability, integrity,
    ledger, liveness, recovery, signing,
};
use crate::world::{Node, Party, Poster, World, clients::Client, vice::Vice};

/// How long what is final at one node may take to be told by all.
const RIPPLES: Span = Span::from_secs(3);

impl World {
    /// Lets everything happen until all live nodes hold the same and nothing is on its way to
    /// change that; after `patience` that counts as never.
    pub fn settle(&mut self, patience: Span) -> Result<(), Broken> {
        self.run_until(self.now + patience, Self::is_settled)?;
        if self.is_settled() {
            return Ok(());
        }
        let same = convergence::same_transactions(self.live());
        let broken = same
            .err()
            .unwrap_or_else(|| Broken::new(Rule::C7Liveness, "something is still waiting"));
        Err(self.located(&broken))
    }

    fn is_settled(&self) -> bool {
        let whole = self.live().filter(|node| node.told().is_whole());
        let mut totals = whole.map(|node| node.store().totals());
        let first = totals.next();
        totals.all(|totals| Some(totals) == first) && !self.posters.iter().any(Poster::is_waiting)
    }

    /// Lets everything happen until all that anybody said is final everywhere; after `patience`
    /// that counts as never.
    pub fn finish(&mut self, patience: Span) -> Result<(), Broken> {
        self.run_until(self.now + patience, Self::is_final)?;
        if self.is_final() {
            return Ok(());
        }
        let waiting = self.clients.iter().flat_map(Client::waiting).count();
        let states: Vec<String> = self.live().map(state).collect();
        let what = format!("{waiting} bodies have no outcome; {}", states.join("; "));
        Err(self.located(&Broken::new(Rule::C7Liveness, what)))
    }

    /// Lets everything become final within `patience`, waits for what ripples on, and calls all
    /// judges.
    pub fn conclude(&mut self, patience: Span) -> Result<(), Broken> {
        self.finish(patience)?;
        self.run(RIPPLES)?;
        self.judge()?;
        self.judge_final()
    }

    fn is_final(&self) -> bool {
        // Whoever is behind takes nothing from anybody yet.
        let is_open = |status: &Status| {
            status.unordered > 0
                || status.waiting_count > 0
                || status.in_line_count > 0
                || status.sync.is_some()
        };
        let last = |node: &Node| node.told().commits.last().map_or(0, |last| last.record.index.0);
        let mut chains = self.live().map(last);
        let longest = chains.clone().max().unwrap_or_default();
        !self.clients.iter().any(Client::is_waiting)
            && !self.posters.iter().any(Poster::is_waiting)
            && chains.all(|length| length + 20 > longest)
            && !self.live().filter_map(Node::status).any(is_open)
            && self.is_settled()
    }

    /// What must hold at any time, for everybody.
    pub fn judge(&self) -> Result<(), Broken> {
        for node in self.nodes() {
            integrity::store_in_order(node)
                .and_then(|()| durability::acknowledged_kept(node))
                .and_then(|()| bounds::bounds(node))
                .and_then(|()| signing::no_honest_peer_dropped(node, &|id| self.is_honest(id)))
                .map_err(|broken| self.located(&broken))?;
        }
        Ok(())
    }

    /// What must hold of what is final, at any time, for everybody honest, as long as no more than
    /// f validators are faulty.
    pub fn judge_finality(&self) -> Result<(), Broken> {
        let cheats = self.cheats();
        agreement::agreement(self.nodes()).map_err(|broken| self.located(&broken))?;
        for node in self.nodes() {
            agreement::told_in_order(node)
                .and_then(|()| durability::told_is_kept(node))
                .and_then(|()| causality::causes_first(node))
                .and_then(|()| answers::one_end(node))
                .and_then(|()| bounds::unordered_is_bounded(node))
                .and_then(|()| signing::signed_once(node))
                .and_then(|()| signing::remembers(node))
                .and_then(|()| signing::only_cheats_convicted(node, &cheats))
                .and_then(|()| ledger::ledger_adds_up(node, &self.genesis))
                .map_err(|broken| self.located(&broken))?;
        }
        Ok(())
    }

    /// What must hold once all is final.
    pub fn judge_final(&self) -> Result<(), Broken> {
        self.judge_finality()?;
        for node in self.live() {
            liveness::nothing_left_behind(node, self.nodes())
                .and_then(|()| recovery::starts_where_it_stands(node, self.now))
                .map_err(|broken| self.located(&broken))?;
        }
        Ok(())
    }

    /// Validators that may sign two checkpoints of a round.
    fn cheats(&self) -> BTreeSet<Author> {
        let twins = self.parties.iter().filter_map(|party| match party {
            Party::Honest(node) if node.forgot || node.vice().is_some_and(Vice::equivocates) => {
                node.author()
            }
            _ => None,
        });
        twins.collect()
    }

    /// What must hold once everything has settled.
    pub fn judge_settled(&self) -> Result<(), Broken> {
        self.judge()?;
        convergence::same_transactions(self.live()).map_err(|broken| self.located(&broken))
    }

    fn is_honest(&self, id: &NodeId) -> bool {
        let honest = |number: &usize| match self.party(*number) {
            Party::Honest(node) => node.vice().is_none(),
            Party::Rogue(_) => false,
        };
        self.numbers_of(id).iter().all(honest)
    }
}

/// What says why a node is not done.
fn state(node: &Node) -> String {
    let commits = node.told().commits.len();
    let Some(status) = node.status() else { return format!("{commits} commits, down") };
    format!(
        "{commits} commits, {} of {} open, {} waiting, {} wanted, round {}, {:?}, {} peers",
        status.unordered,
        status.next,
        status.waiting_count,
        status.wanted,
        status.round,
        status.signing,
        status.peers.len(),
    )
}
