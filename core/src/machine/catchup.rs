//! Fetches checkpoints that others reference and that did not come by themselves.
//!
//! They are asked for by round, as a stretch: whoever was away, or is new, gets a whole answer of
//! them, the past first, and asks on from where that led. One request is open at a time; the peer
//! whose checkpoint referenced the missing ones is asked first, since it must have them, and
//! others in turn after that.
//!
//! Invariant: as long as something is missing and somebody is connected, a request is open or due.
//!
//! Left out on purpose: what is missing (`consensus` knows), transactions (`wants`).

use alloc::collections::VecDeque;

use super::{Outbox, Ticket};
use crate::{
    digest::NodeId,
    message::{GetCheckpoints, Message},
    time::{Span, Time},
};

/// Most peers remembered that should have what is missing.
const SOURCES_MAX: usize = 8;

/// How long a missing checkpoint may still come by itself.
const DELAY: Span = Span::from_millis(30);

/// How long until somebody is asked again after an answer that brought nothing.
const AGAIN: Span = Span::from_millis(300);

/// Tickets of these requests, apart from those of other wants.
const TICKETS: u64 = 1 << 63;

/// Missing checkpoints.
#[derive(Debug, Default)]
pub(super) struct Catchup {
    /// Who should have what is missing; the next to ask is in front.
    sources: VecDeque<NodeId>,
    open: Option<(Ticket, NodeId)>,
    due: Option<Time>,
    asked: u64,
}

impl Catchup {
    /// `source` referenced what is not here. Returns when to ask.
    pub(super) fn lacks(&mut self, now: Time, source: Option<NodeId>) -> Time {
        if let Some(source) = source {
            self.sources.retain(|known| *known != source);
            self.sources.push_front(source);
            self.sources.truncate(SOURCES_MAX);
        }
        *self.due.get_or_insert(now + DELAY)
    }

    /// Asks, if that is due and no request is open. `request` says what is missing, `anyone` is a
    /// peer at random. Returns when to come back.
    pub(super) fn ask_due(
        &mut self,
        now: Time,
        request: impl FnOnce() -> Option<GetCheckpoints>,
        connected: &dyn Fn(&NodeId) -> bool,
        anyone: Option<NodeId>,
        out: &mut Outbox,
    ) -> Option<Time> {
        let due = self.due?;
        if self.open.is_some() || due > now {
            return self.due.filter(|due| *due > now);
        }
        let Some(request) = request() else {
            self.due = None;
            return None;
        };
        self.sources.retain(connected);
        let Some(to) = self.sources.pop_front().or(anyone) else {
            // A connection brings its own reason to ask.
            self.due = Some(now + AGAIN);
            return self.due;
        };
        let ticket = Ticket(TICKETS | self.asked);
        self.asked += 1;
        self.open = Some((ticket, to));
        out.ask(to, ticket, Message::GetCheckpoints(request));
        None
    }

    /// A request ended; `moved` says whether it brought anything. Returns when to ask on, and
    /// `None` for a request of somebody else.
    pub(super) fn answered(&mut self, now: Time, ticket: Ticket, moved: bool) -> Option<Time> {
        let (_, to) = self.open.take_if(|(open, _)| *open == ticket)?;
        let at = if moved { now } else { now + AGAIN };
        if moved {
            self.sources.push_front(to);
        }
        self.due = Some(at);
        self.due
    }

    /// A peer is gone: what it was asked is asked of others.
    pub(super) fn peer_down(&mut self, now: Time, peer: &NodeId) -> Option<Time> {
        self.open.take_if(|(_, to)| to == peer)?;
        self.due = Some(now);
        self.due
    }

    /// Whether a ticket is of these requests.
    pub(super) const fn is_own(ticket: Ticket) -> bool {
        ticket.0 & TICKETS != 0
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{machine::ToNet, units::Round};

    const ALICE: NodeId = NodeId([1; 32]);
    const BOB: NodeId = NodeId([2; 32]);

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn request() -> Option<GetCheckpoints> {
        Some(GetCheckpoints { above: Vec::from([Round(1)]), to: Round(2) })
    }

    fn asked(catchup: &mut Catchup, ms: u64) -> Option<(NodeId, Ticket)> {
        let mut out = Outbox::default();
        catchup.ask_due(at(ms), request, &|_| true, Some(BOB), &mut out);
        match out.messages.pop()? {
            ToNet::Ask { to, ticket, .. } => Some((to, ticket)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_references_it_is_asked_first_and_then_others() {
        let mut catchup = Catchup::default();
        assert_eq!(catchup.lacks(at(0), Some(ALICE)), at(30));
        assert_eq!(asked(&mut catchup, 29), None);
        let (to, ticket) = asked(&mut catchup, 30).unwrap();
        assert_eq!(to, ALICE);
        assert_eq!(asked(&mut catchup, 40), None, "one at a time");
        assert_eq!(catchup.answered(at(50), ticket, false), Some(at(350)));
        assert_eq!(asked(&mut catchup, 350).unwrap().0, BOB);
    }

    #[test]
    fn an_answer_that_brings_something_is_gone_on_with_at_once() {
        let mut catchup = Catchup::default();
        catchup.lacks(at(0), Some(ALICE));
        let (_, ticket) = asked(&mut catchup, 30).unwrap();
        assert_eq!(catchup.answered(at(50), ticket, true), Some(at(50)));
        assert_eq!(asked(&mut catchup, 50).unwrap().0, ALICE);
        assert_eq!(catchup.peer_down(at(60), &ALICE), Some(at(60)));
        assert_eq!(catchup.answered(at(61), ticket, true), None, "it was given up");
    }
}
