//! What is missing, and whom to ask for it: the past of transactions, single transactions, keys.
//!
//! Each missing thing is remembered with the peers that should have it, asked for after a while,
//! and asked for again, elsewhere, if the answer did not bring it. A missing past is fetched as one
//! self-contained cone, never parent by parent: depth times round trip would be an attack.
//!
//! Invariant: one thing is asked of one peer at a time, and a second cone is opened only when those
//! that are open stall, so a long past is not fetched twice and nobody can hold it up. Bounded in
//! count per peer and in all, and in attempts. Peers take turns.

mod asked;
mod want;

use alloc::{collections::BTreeMap, vec::Vec};

pub(super) use self::want::Want;

use self::asked::{Asked, BARREN_MAX};
use super::{Limits, Outbox, Ticket};
use crate::{
    digest::{NodeId, TxId},
    message::{End, GetCone, Message},
    params::WANTS_MAX,
    time::{Span, Time},
};

#[derive(Debug)]
struct Missing {
    /// Peers that should have it; the next to ask is in front.
    sources: Vec<NodeId>,
    /// Those of them that said so over the connection that stands. Only they are to blame if they
    /// have nothing: a crash takes what was said and not yet safe.
    claims: Vec<NodeId>,
    /// Who named it first: it counts as this peer's.
    owner: NodeId,
    due: Time,
    attempts: u32,
    asked: Option<Ticket>,
}

/// All that is missing.
#[derive(Debug)]
pub(super) struct Wants {
    missing: BTreeMap<Want, Missing>,
    by_owner: BTreeMap<NodeId, usize>,
    open: BTreeMap<Ticket, Asked>,
    next_ticket: u64,
    /// Whom a cone was asked of last: others come first next time.
    last: NodeId,
    limits: Limits,
}

/// How a request ended, for whoever judges the peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether it brought nothing at all although the peer had said that it has it.
    pub(super) empty: bool,
    /// Whether it was the end of a long past: more than a few transactions came.
    pub(super) bulk: bool,
}

/// What a request needs to know of the machine.
pub(super) struct Surroundings<'a> {
    pub(super) now: Time,
    pub(super) connected: &'a dyn Fn(&NodeId) -> bool,
    /// Whether something here waits for a transaction.
    pub(super) awaited: &'a dyn Fn(&TxId) -> bool,
    /// Whom to ask when nobody is known to have it.
    pub(super) anyone: Option<NodeId>,
    /// Called for what this node has, when a cone is asked for.
    pub(super) have: &'a dyn Fn() -> Vec<TxId>,
}

/// Most peers remembered per missing thing.
const SOURCES_MAX: usize = 4;

/// Most cones open at once, each at another peer.
const CONES_MAX: usize = 4;

impl Wants {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            missing: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            open: BTreeMap::new(),
            next_ticket: 0,
            last: NodeId::ZERO,
            limits: limits.clone(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.missing.len()
    }

    /// Whether a past is being fetched right now.
    pub(super) fn fetching_past(&self) -> bool {
        self.open.values().any(Asked::is_cone)
    }

    /// Whether `peer` is answering with a long past.
    pub(super) fn is_bulk(&self, peer: &NodeId) -> bool {
        self.open.values().any(|asked| asked.to == *peer && asked.is_cone() && asked.is_bulk())
    }

    /// Remembers that `want` is missing and that `source` should have it; it may still come by
    /// itself for `delay`. Returns when to ask.
    pub(super) fn add(
        &mut self,
        now: Time,
        want: Want,
        source: NodeId,
        delay: Span,
    ) -> Option<Time> {
        let due = self.add_unclaimed(now, want, source, delay)?;
        if let Some(missing) = self.missing.get_mut(&want)
            && missing.sources.contains(&source)
            && !missing.claims.contains(&source)
        {
            missing.claims.push(source);
        }
        Some(due)
    }

    /// The same for what `source` has brought once, and may have lost since.
    pub(super) fn add_unclaimed(
        &mut self,
        now: Time,
        want: Want,
        source: NodeId,
        delay: Span,
    ) -> Option<Time> {
        if let Some(missing) = self.missing.get_mut(&want) {
            if !missing.sources.contains(&source) && missing.sources.len() < SOURCES_MAX {
                missing.sources.push(source);
            }
            return Some(missing.due);
        }
        if self.room(&source) == 0 {
            return None;
        }
        let (sources, due) = ([source].into(), now + delay);
        let claims = Vec::new();
        let missing = Missing { sources, claims, owner: source, due, attempts: 0, asked: None };
        self.missing.insert(want, missing);
        *self.by_owner.entry(source).or_default() += 1;
        Some(due)
    }

    /// How much more may be missing of which `source` is the first to speak.
    pub(super) fn room(&self, source: &NodeId) -> usize {
        let of_peer = self.by_owner.get(source).copied().unwrap_or(0);
        let there = self.limits.wants_per_peer.saturating_sub(of_peer);
        there.min(self.limits.wants_max.saturating_sub(self.missing.len()))
    }

    pub(super) fn contains(&self, want: &Want) -> bool {
        self.missing.contains_key(want)
    }

    fn remove(&mut self, want: &Want) -> Option<Missing> {
        let missing = self.missing.remove(want)?;
        let of_peer = self.by_owner.entry(missing.owner).or_default();
        *of_peer -= 1;
        if *of_peer == 0 {
            self.by_owner.remove(&missing.owner);
        }
        Some(missing)
    }

    /// `want` is here. Returns whether it was wanted.
    pub(super) fn satisfied(&mut self, want: Want) -> bool {
        let Some(missing) = self.remove(&want) else { return false };
        if let Some(asked) = missing.asked.and_then(|ticket| self.open.get_mut(&ticket)) {
            asked.brought = true;
            asked.fresh += 1;
        }
        true
    }

    /// A transaction that is not attached here came from `from` while requests to it are open;
    /// `fresh` if it was not seen here before either.
    pub(super) fn brought(&mut self, now: Time, from: NodeId, fresh: bool) {
        let for_one = |asked: &&mut Asked| asked.to == from && !asked.is_key();
        for asked in self.open.values_mut().filter(for_one) {
            asked.brought = true;
            if fresh {
                asked.fresh += 1;
                asked.moved = now;
            }
        }
    }

    /// The transactions whose pasts `peer` is being asked for.
    pub(super) fn pasts_asked_of(&self, peer: &NodeId) -> Vec<TxId> {
        let cones = self.open.values().filter(|asked| asked.to == *peer && asked.is_cone());
        cones.flat_map(|asked| asked.wants.iter().filter_map(Want::transaction)).collect()
    }

    /// `want` is of no use. Returns whether it was wanted.
    pub(super) fn forget(&mut self, want: Want) -> bool {
        self.remove(&want).is_some()
    }

    /// Asks for all that is due, in as few requests as possible. Returns when to come back.
    pub(super) fn ask_due(&mut self, around: &Surroundings<'_>, out: &mut Outbox) -> Option<Time> {
        self.give_up();
        let mut turns: Vec<_> = self.due_by_peer(around).into_iter().collect();
        let rest = turns.partition_point(|((peer, _), _)| *peer <= self.last);
        turns.rotate_left(rest);
        for ((peer, _), wants) in turns {
            for wants in wants.chunks(WANTS_MAX) {
                self.ask(peer, wants, around, out);
            }
        }
        self.next_due(around.now)
    }

    fn give_up(&mut self) {
        let attempts_max = self.limits.ask_attempts;
        let hopeless =
            |missing: &Missing| missing.asked.is_none() && missing.attempts >= attempts_max;
        let hopeless: Vec<Want> = self
            .missing
            .iter()
            .filter(|(_, missing)| hopeless(missing))
            .map(|(want, _)| *want)
            .collect();
        for want in hopeless {
            self.remove(&want);
        }
    }

    fn due_by_peer(&mut self, around: &Surroundings<'_>) -> BTreeMap<(NodeId, u8), Vec<Want>> {
        let mut by_peer: BTreeMap<(NodeId, u8), Vec<Want>> = BTreeMap::new();
        let due = |missing: &Missing| missing.asked.is_none() && missing.due <= around.now;
        // What was only heard of from somebody who is gone, others will name again.
        let hearsay = |want: &Want, missing: &Missing| {
            let nobody = !missing.sources.iter().any(|source| (around.connected)(source));
            nobody && matches!(want, Want::Past(id) if !(around.awaited)(id))
        };
        let forgotten: Vec<Want> = self
            .missing
            .iter()
            .filter(|(want, missing)| due(missing) && hearsay(want, missing))
            .map(|(want, _)| *want)
            .collect();
        forgotten.iter().for_each(|want| drop(self.remove(want)));
        for (want, missing) in self.missing.iter_mut().filter(|(_, missing)| due(missing)) {
            missing.sources.retain(|source| (around.connected)(source));
            if let Some(peer) = missing.sources.first().copied().or(around.anyone) {
                by_peer.entry((peer, want.kind())).or_default().push(*want);
            } else {
                // Nobody to ask: wait for a connection.
                missing.due = around.now + self.limits.ask_again;
            }
        }
        by_peer
    }

    /// When something becomes due, or an open cone stalls that holds up others. What found no room
    /// goes out when a request ends.
    fn next_due(&self, now: Time) -> Option<Time> {
        let waiting = || self.missing.iter().filter(|(_, missing)| missing.asked.is_none());
        let due = waiting().map(|(_, missing)| missing.due).filter(|due| *due > now).min();
        let held_up = waiting().any(|(want, missing)| want.is_past() && missing.due <= now);
        let stalls = self.open.values().filter(|asked| held_up && asked.is_cone());
        let stalls = stalls.map(|asked| asked.moved + self.limits.cone_patience);
        due.into_iter().chain(stalls.filter(|at| *at > now)).min()
    }

    fn ask(&mut self, to: NodeId, wants: &[Want], around: &Surroundings<'_>, out: &mut Outbox) {
        match wants {
            [] => {}
            // One key per request.
            [Want::Key(_), ..] => {
                for want in wants {
                    if let Want::Key(key) = want
                        && self.has_room(&to)
                    {
                        let asked = self.asked(to, &[*want], around.now);
                        self.open(asked, Message::GetKey(*key), out);
                    }
                }
            }
            [Want::Transaction(_), ..] if self.has_room(&to) => {
                let ids = wants.iter().filter_map(Want::transaction).collect();
                let asked = self.asked(to, wants, around.now);
                self.open(asked, Message::GetTransactions(ids), out);
            }
            [Want::Past(_), ..] if self.has_room(&to) && self.may_fetch(&to, around.now) => {
                let mut asked = self.asked(to, wants, around.now);
                asked.have = (around.have)();
                self.last = to;
                self.open_cone(asked, out);
            }
            // What finds no room now stays due.
            [Want::Transaction(_) | Want::Past(_), ..] => {}
        }
    }

    fn has_room(&self, to: &NodeId) -> bool {
        let there = self.open.values().filter(|asked| asked.to == *to);
        there.count() < self.limits.asks_per_peer
    }

    /// Whether a cone may be asked of `to` beside those that are open.
    fn may_fetch(&self, to: &NodeId, now: Time) -> bool {
        let patience = self.limits.cone_patience;
        let mut cones = self.open.values().filter(|asked| asked.is_cone());
        self.open.values().filter(|asked| asked.is_cone()).count() < CONES_MAX
            && cones.all(|cone| cone.to != *to && cone.moved + patience <= now)
    }

    fn asked(&self, to: NodeId, wants: &[Want], now: Time) -> Asked {
        let knows = |want: &Want| {
            self.missing.get(want).is_some_and(|missing| missing.claims.contains(&to))
        };
        Asked::new(to, wants.into(), wants.iter().any(knows), now)
    }

    fn open_cone(&mut self, asked: Asked, out: &mut Outbox) {
        let want = asked.wants.iter().filter_map(Want::transaction).collect();
        let cone = GetCone { want, have: asked.have.clone(), from: asked.from };
        self.open(asked, Message::GetCone(cone), out);
    }

    fn open(&mut self, asked: Asked, message: Message, out: &mut Outbox) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        for want in &asked.wants {
            if let Some(missing) = self.missing.get_mut(want) {
                missing.asked = Some(ticket);
                // A long past is one attempt, however many answers it takes.
                missing.attempts = if asked.is_bulk() { 1 } else { missing.attempts + 1 };
            }
        }
        out.ask(asked.to, ticket, message);
        self.open.insert(ticket, asked);
    }

    /// A request ended. Goes on with a cone that was cut. Returns how it ended, and `None` for a
    /// ticket that is not open or a past that goes on.
    pub(super) fn answered(
        &mut self,
        now: Time,
        ticket: Ticket,
        end: Option<End>,
        out: &mut Outbox,
    ) -> Option<Ended> {
        let asked = self.open.remove(&ticket)?;
        let left: Vec<Want> =
            asked.wants.iter().filter(|want| self.missing.contains_key(want)).copied().collect();
        let cut = end.and_then(|end| end.next).filter(|_| asked.barren() <= BARREN_MAX);
        if let Some(from) = cut.filter(|from| *from > asked.from)
            && asked.is_cone()
            && !left.is_empty()
        {
            self.open_cone(asked.after(from, left, now), out);
            return None;
        }
        self.ask_again(now, &left);
        Some(Ended {
            empty: asked.claimed && !asked.brought && cut.is_none(),
            bulk: asked.is_cone() && asked.is_bulk(),
        })
    }

    /// A connection is gone, and all requests on it. Returns whether it was bringing a long past.
    pub(super) fn peer_down(&mut self, now: Time, peer: &NodeId) -> bool {
        let bulk = self.is_bulk(peer);
        self.missing.values_mut().for_each(|missing| missing.claims.retain(|one| one != peer));
        let gone = self.open.extract_if(.., |_, asked| asked.to == *peer);
        let left: Vec<Want> = gone.flat_map(|(_, asked)| asked.wants).collect();
        self.ask_again(now, &left);
        bulk
    }

    fn ask_again(&mut self, now: Time, left: &[Want]) {
        for want in left {
            if let Some(missing) = self.missing.get_mut(want) {
                missing.asked = None;
                missing.due = now + back_off(self.limits.ask_again, missing.attempts);
                // The next attempt goes to somebody else, if there is anybody.
                let tried = missing.sources.len().min(1);
                missing.sources.rotate_left(tried);
            }
        }
    }
}

/// Doubles with each attempt, up to 32 times.
pub(super) fn back_off(base: Span, attempts: u32) -> Span {
    Span::from_millis(base.as_millis().saturating_mul(1 << attempts.saturating_sub(1).min(5)))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{machine::ToNet, units::Position};

    const ALICE: NodeId = NodeId([1; 32]);
    const BOB: NodeId = NodeId([2; 32]);

    const fn past(byte: u8) -> Want {
        Want::Past(TxId([byte; 32]))
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// Whom it asks for what kind of thing at `now`, with which ticket; and when to come back.
    fn ask(wants: &mut Wants, now: u64) -> (Vec<(NodeId, &'static str, Ticket)>, Option<u64>) {
        let mut out = Outbox::default();
        let around = Surroundings {
            now: at(now),
            connected: &|_| true,
            awaited: &|_| false,
            anyone: None,
            have: &Vec::new,
        };
        let due = wants.ask_due(&around, &mut out);
        let asks = out.messages.into_iter().map(|said| match said {
            ToNet::Ask { to, ticket, message } => (to, message.name(), ticket),
            other => panic!("{other:?}"),
        });
        (asks.collect(), due.map(Time::as_millis))
    }

    fn end(wants: &mut Wants, now: u64, ticket: Ticket, end: Option<End>) -> Option<Ended> {
        wants.answered(at(now), ticket, end, &mut Outbox::default())
    }

    #[test]
    fn a_second_past_is_asked_for_only_when_the_first_stalls() {
        let mut wants = Wants::new(&Limits::default());
        wants.add(at(0), past(1), ALICE, Span::default());
        wants.add(at(0), past(2), BOB, Span::default());
        let (asks, due) = ask(&mut wants, 0);
        assert_eq!(asks, [(ALICE, "get_cone", Ticket(0))]);
        assert_eq!(due, Some(2_000), "not at once: it would spin");
        wants.brought(at(1_000), ALICE, false);
        wants.brought(at(1_500), ALICE, true);
        wants.brought(at(1_900), ALICE, false);
        assert_eq!(ask(&mut wants, 2_000), (vec![], Some(3_500)));
        assert_eq!(ask(&mut wants, 3_500).0, [(BOB, "get_cone", Ticket(1))]);
    }

    #[test]
    fn peers_take_turns_with_their_pasts() {
        let mut wants = Wants::new(&Limits::default());
        for byte in 1..=200 {
            wants.add(at(0), past(byte), ALICE, Span::default());
        }
        wants.add(at(0), past(201), BOB, Span::default());
        let (asks, _) = ask(&mut wants, 0);
        assert_eq!(asks, [(ALICE, "get_cone", Ticket(0))]);
        end(&mut wants, 10, Ticket(0), Some(End { next: None }));
        assert_eq!(ask(&mut wants, 10).0, [(BOB, "get_cone", Ticket(1))]);
    }

    #[test]
    fn only_who_claimed_to_have_it_is_blamed_for_an_empty_answer() {
        let nothing = Some(End { next: None });
        let mut wants = Wants::new(&Limits::default());
        wants.add(at(0), past(1), ALICE, Span::default());
        ask(&mut wants, 0);
        let ended = end(&mut wants, 10, Ticket(0), nothing);
        assert_eq!(ended, Some(Ended { empty: true, bulk: false }));

        // Alice is gone: Bob is asked because nobody else is there.
        let mut out = Outbox::default();
        let around = Surroundings {
            now: at(10_000),
            connected: &|peer| *peer == BOB,
            awaited: &|_| true,
            anyone: Some(BOB),
            have: &Vec::new,
        };
        wants.ask_due(&around, &mut out);
        assert_eq!(out.messages.len(), 1);
        let ended = end(&mut wants, 10_010, Ticket(1), nothing);
        assert_eq!(ended, Some(Ended { empty: false, bulk: false }));
    }

    #[test]
    fn a_past_goes_on_where_it_was_cut_but_not_for_ever_with_nothing() {
        let mut wants = Wants::new(&Limits::default());
        wants.add(at(0), past(1), ALICE, Span::default());
        ask(&mut wants, 0);
        let mut pages = 0;
        let ended = (1..).find_map(|next| {
            pages += 1;
            end(&mut wants, 10, Ticket(next - 1), Some(End { next: Some(Position(next)) }))
        });
        assert_eq!(ended, Some(Ended { empty: true, bulk: false }));
        assert_eq!(pages, BARREN_MAX + 1);
    }

    #[test]
    fn bounds_hold_per_peer_and_in_all() {
        let limits = Limits { wants_per_peer: 3, wants_max: 5, ..Limits::default() };
        let mut wants = Wants::new(&limits);
        for byte in 0..9 {
            wants.add(at(0), past(byte), ALICE, Span::default());
        }
        assert_eq!(wants.count(), 3);
        for byte in 10..19 {
            wants.add(at(0), past(byte), BOB, Span::default());
        }
        assert_eq!(wants.count(), 5);
        assert!(wants.satisfied(past(0)));
        wants.add(at(0), past(20), ALICE, Span::default());
        assert_eq!((wants.count(), wants.by_owner.len()), (5, 2));
    }

    #[test]
    fn a_lost_connection_ends_its_requests() {
        let mut wants = Wants::new(&Limits::default());
        wants.add(at(0), past(1), ALICE, Span::default());
        ask(&mut wants, 0);
        assert!(wants.fetching_past());
        assert!(!wants.peer_down(at(10), &ALICE));
        assert!(!wants.fetching_past());
        assert_eq!(end(&mut wants, 20, Ticket(0), None), None);
        assert_eq!(ask(&mut wants, 1_000).0.len(), 1);
    }

    /// A peer that lost power between its word and its disk is not to blame.
    #[test]
    fn a_claim_ends_with_its_connection() {
        for (goes, empty) in [(false, true), (true, false)] {
            let mut wants = Wants::new(&Limits::default());
            wants.add(at(0), past(1), ALICE, Span::default());
            if goes {
                wants.peer_down(at(1), &ALICE);
            }
            let (asked, _) = ask(&mut wants, 10);
            let (to, _, ticket) = asked[0];
            assert_eq!(to, ALICE);
            let ended =
                wants.answered(at(20), ticket, Some(End { next: None }), &mut Outbox::default());
            assert_eq!(ended.unwrap().empty, empty);
        }
    }
}
