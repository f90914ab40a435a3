//! Validators that break the rules: an honest machine, and between it and the network somebody who
//! keeps things back, or signs other ones. An equivocator is either that, or two such machines with
//! one key (`twins`), each of which believes in what it says.

use weft_core::{
    checkpoint::{Checkpoint, Content},
    codec::{Decode as _, Encode as _},
    committee::{Author, Committee},
    digest::NodeId,
    keys::Sign,
    machine::ToNet,
    message::Message,
    time::Span,
    units::Round,
};

/// How a validator breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vice {
    /// Nobody hears of its checkpoints.
    Silent,
    /// Its checkpoints go to f + 1 others only, each round to the next ones.
    Withholding,
    /// Its checkpoints leave late.
    Late(Span),
    /// Two machines with one key, each for a part of the network.
    Twin,
    /// Each validator gets a checkpoint of its own: n - 1 of a round.
    ManyFaced,
}

impl Vice {
    /// Whether it signs two checkpoints of a round.
    pub(crate) const fn equivocates(self) -> bool {
        matches!(self, Self::Twin | Self::ManyFaced)
    }
}

/// Who breaks the rules.
pub(crate) struct Cheat<'a> {
    pub(crate) vice: Vice,
    pub(crate) own: Author,
    pub(crate) committee: &'a Committee,
    pub(crate) key: &'a dyn Sign,
}

/// What leaves of what a machine said, each part with how late it does.
pub(crate) fn pass(cheat: &Cheat<'_>, said: Vec<ToNet>) -> Vec<(Span, ToNet)> {
    let Cheat { vice, own, committee, .. } = *cheat;
    let mut left = Vec::new();
    for said in said {
        let round = own_round(own, &said);
        match (vice, said, round) {
            (Vice::Silent, ToNet::Answer { to, ticket, parts }, Some(_)) => {
                let kept = |part: &Message| own_checkpoint(own, part).is_none();
                let parts = parts.into_iter().filter(kept).collect();
                left.push((Span::default(), ToNet::Answer { to, ticket, parts }));
            }
            (Vice::Silent, _, Some(_)) => {}
            (Vice::Withholding, ToNet::Send { to, message }, Some(round)) => {
                if is_chosen(own, committee, &to, round) {
                    left.push((Span::default(), ToNet::Send { to, message }));
                }
            }
            (Vice::ManyFaced, ToNet::Send { to, message }, Some(_)) => {
                let message = another_face(cheat, &to, &message).unwrap_or(message);
                left.push((Span::default(), ToNet::Send { to, message }));
            }
            (Vice::Late(by), said, Some(_)) => left.push((by, said)),
            (_, said, _) => left.push((Span::default(), said)),
        }
    }
    left
}

/// The own checkpoint in a message, as it is for `to` alone: later by as many milliseconds as its
/// place in the committee says, and without tips for every other one.
fn another_face(cheat: &Cheat<'_>, to: &NodeId, message: &Message) -> Option<Message> {
    let Message::Checkpoint(bytes) = message else { return None };
    let place = u64::from(cheat.committee.author_of(to)?.0);
    let Checkpoint { core, refs, mut tips, votes, .. } = Checkpoint::from_bytes(bytes).ok()?;
    if place % 2 == 1 {
        tips.clear();
    }
    let (slot, time) = ((core.round, core.author), core.time + Span::from_millis(place));
    let content = Content { refs, tips, votes };
    let made = Checkpoint::sign(core.network, slot, time, content, cheat.key).ok()?;
    Some(Message::Checkpoint(made.to_bytes().into()))
}

/// The round of an own checkpoint in it.
fn own_round(own: Author, said: &ToNet) -> Option<Round> {
    crate::world::spoken::parts(said).iter().find_map(|part| own_checkpoint(own, part))
}

/// The round of a checkpoint of `own`, if it is one.
pub(crate) fn own_checkpoint(own: Author, message: &Message) -> Option<Round> {
    let Message::Checkpoint(bytes) = message else { return None };
    let core = Checkpoint::from_bytes(bytes).ok()?.core;
    (core.author == own).then_some(core.round)
}

fn is_chosen(own: Author, committee: &Committee, to: &NodeId, round: Round) -> bool {
    let Some(to) = committee.author_of(to) else { return false };
    let others = committee.len() as u64 - 1;
    let place =
        (u64::from(to.0) + committee.len() as u64 - u64::from(own.0) - 1 + round.0) % others;
    place <= committee.faulty()
}
