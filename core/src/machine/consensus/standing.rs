//! What a restart needs besides the checkpoints above the gc round.
//!
//! Invariant: with it and them, [`Consensus`](super::Consensus) goes on as if nothing had happened;
//! only what waited for others must be asked for again.
//!
//! Left out on purpose: the set of sequenced checkpoints. Whatever of it counts is the past of the
//! leaders above the gc round.

use alloc::{collections::BTreeSet, vec::Vec};

use super::schedule::Turns;
use crate::{
    checkpoint::CheckpointRef,
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::{Author, VALIDATORS_MAX},
    digest::{DIGEST_BYTES, Domain, digest},
    params::GC_DEPTH,
    time::Time,
    units::Round,
};

/// Where consensus stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Slots up to this round are decided.
    pub(crate) decided: Round,
    /// Committed leaders above the gc round, ascending by round. The last one says where that is.
    pub(crate) leaders: Vec<CheckpointRef>,
    /// How many leaders were committed ever.
    pub(crate) count: u64,
    /// The time of the last one; at first that of the genesis.
    pub(crate) time: Time,
    /// Who leads.
    pub(crate) turns: Turns,
    /// Whose equivocation this node has proof of.
    pub(crate) convicted: BTreeSet<Author>,
    /// The own last checkpoint, with the time it carries.
    pub(crate) own_last: Option<(CheckpointRef, Time)>,
}

impl Standing {
    /// Before all rounds, on a network whose genesis was made at `created`.
    pub(crate) fn genesis(created: Time) -> Self {
        Self { time: created, ..Self::default() }
    }

    /// What is the same on all nodes after the same commit.
    pub(crate) fn shared(&self) -> Self {
        Self { convicted: BTreeSet::new(), own_last: None, ..self.clone() }
    }

    /// A digest over what is the same on all nodes: what a commit record says of it.
    pub(crate) fn window_root(&self) -> [u8; DIGEST_BYTES] {
        digest(Domain::Window, &self.shared().to_bytes())
    }

    /// The round of the last leader.
    pub(crate) fn last_leader_round(&self) -> Round {
        self.leaders.last().map_or(Round::ZERO, |leader| leader.round)
    }

    /// Checkpoints at or below this round count for nothing any more.
    pub(crate) fn gc_round(&self) -> Round {
        Round(self.last_leader_round().0.saturating_sub(GC_DEPTH))
    }
}

fn encode_time(time: Time, out: &mut Vec<u8>) {
    out.extend_from_slice(&time.as_millis().to_le_bytes());
}

impl Encode for Standing {
    fn encode(&self, out: &mut Vec<u8>) {
        self.decided.encode(out);
        encode_list(&self.leaders, out);
        out.extend_from_slice(&self.count.to_le_bytes());
        encode_time(self.time, out);
        self.turns.encode(out);
        encode_list(&Vec::from_iter(self.convicted.iter().copied()), out);
        out.push(self.own_last.is_some().into());
        if let Some((last, time)) = self.own_last {
            last.encode(out);
            encode_time(time, out);
        }
    }
}

impl Decode for Standing {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let broken = |rule| DecodeError::NotCanonical { field: "standing", rule };
        let decided = Round::decode(reader)?;
        let leaders_max = usize::try_from(GC_DEPTH).unwrap_or(usize::MAX);
        let leaders: Vec<CheckpointRef> = reader.list("leaders", leaders_max)?;
        let count = reader.u64()?;
        let time = Time::from_millis(reader.u64()?);
        let turns = Turns::decode(reader)?;
        let convicted: Vec<Author> = reader.list("convicted validators", VALIDATORS_MAX)?;
        let own_last = match reader.u8()? {
            0 => None,
            1 => Some((CheckpointRef::decode(reader)?, Time::from_millis(reader.u64()?))),
            actual => {
                let actual = actual.into();
                return Err(DecodeError::UnknownTag { field: "own checkpoint", actual });
            }
        };
        if !leaders.is_sorted_by(|a, b| a.round < b.round) || !convicted.is_sorted_by(|a, b| a < b)
        {
            return Err(broken("lists ascend"));
        }
        let convicted = convicted.into_iter().collect();
        Ok(Self { decided, leaders, count, time, turns, convicted, own_last })
    }
}
