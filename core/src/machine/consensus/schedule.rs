//! Who leads which round.
//!
//! Validators take turns in cycles, each as often as its weight allows, in an order that every
//! cycle draws anew: taking plain turns over fewer than all could keep three honest leaders in a
//! row away, which Starfish (ePrint 2025/567) needs to commit. After every
//! [`SCHEDULE_LEADERS`] committed leaders those that were away leave the cycle, up to weight f, and
//! return as soon as they take part (docs/PROTOCOL.md section 10).
//!
//! Invariant: everything here follows from what was committed, so it is the same on all nodes.
//!
//! Left out on purpose: counting leaders (`mod`), and who leads at or below the round at which the
//! schedule starts: those slots are decided.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    codec::{Decode, DecodeError, Encode, Reader, encode_list},
    committee::{Author, Committee, VALIDATORS_MAX},
    digest::{Domain, Hasher},
    params::SCHEDULE_LEADERS,
    tx::NetworkId,
    units::Round,
};

/// Most slots of a cycle; where weights differ more, the heaviest lead less than their share.
const SLOTS_MAX: u64 = 1_024;

const _: () = assert!(SLOTS_MAX >= VALIDATORS_MAX as u64 && SCHEDULE_LEADERS > 0);

/// What one validator did since the schedule started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Record {
    author: Author,
    /// Rounds of which a checkpoint was sequenced.
    rounds: u64,
    /// Slots it was to lead, of those decided.
    led: u64,
    /// Those of them that were skipped.
    skipped: u64,
}

impl Encode for Record {
    fn encode(&self, out: &mut Vec<u8>) {
        self.author.encode(out);
        for number in [self.rounds, self.led, self.skipped] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

impl Decode for Record {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            author: Author::decode(reader)?,
            rounds: reader.u64()?,
            led: reader.u64()?,
            skipped: reader.u64()?,
        })
    }
}

/// What a schedule is made of, besides the committee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turns {
    number: u64,
    /// The leader round of the commit that made it.
    start: Round,
    /// Ascending.
    demoted: Vec<Author>,
    /// Ascending by author.
    records: Vec<Record>,
}

impl Encode for Turns {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_le_bytes());
        self.start.encode(out);
        encode_list(&self.demoted, out);
        encode_list(&self.records, out);
    }
}

impl Decode for Turns {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let turns = Self {
            number: reader.u64()?,
            start: Round::decode(reader)?,
            demoted: reader.list("demoted validators", VALIDATORS_MAX)?,
            records: reader.list("records of validators", VALIDATORS_MAX)?,
        };
        if !turns.demoted.is_sorted_by(|a, b| a < b)
            || !turns.records.is_sorted_by(|a, b| a.author < b.author)
        {
            return Err(DecodeError::NotCanonical { field: "schedule", rule: "lists ascend" });
        }
        Ok(turns)
    }
}

/// Who leads from one round on.
#[derive(Debug)]
pub(super) struct Schedule {
    network: NetworkId,
    committee: Arc<Committee>,
    turns: Turns,
    slots: Vec<Author>,
    records: BTreeMap<Author, Record>,
}

impl Schedule {
    pub(super) fn new(network: NetworkId, committee: Arc<Committee>, turns: Turns) -> Self {
        let slots = slots(&committee, &turns.demoted);
        let records = turns.records.iter().map(|record| (record.author, *record)).collect();
        Self { network, committee, turns, slots, records }
    }

    /// All that [`Self::new`] needs.
    pub(super) fn turns(&self) -> Turns {
        Turns { records: self.records.values().copied().collect(), ..self.turns.clone() }
    }

    /// Who does not lead for now, ascending.
    #[cfg(test)]
    pub(super) fn demoted(&self) -> &[Author] {
        &self.turns.demoted
    }

    /// Who leads `round`; `None` for rounds before this schedule.
    pub(super) fn leader(&self, round: Round) -> Option<Author> {
        let turn = round.0.checked_sub(self.turns.start.0)?.checked_sub(1)?;
        let count = self.slots.len() as u64;
        let (cycle, place) = (turn / count, turn % count);
        self.cycle(cycle).get(usize::try_from(place).ok()?).copied()
    }

    /// The order of one cycle: a Fisher-Yates shuffle.
    fn cycle(&self, cycle: u64) -> Vec<Author> {
        let seed = Hasher::new(Domain::Leader)
            .chain(&self.network.0)
            .chain(&self.turns.number.to_le_bytes())
            .chain(&cycle.to_le_bytes());
        let mut order = self.slots.clone();
        let mut words = (0_u32..).flat_map(|block| {
            let bytes = seed.clone().chain(&block.to_le_bytes()).finish();
            let (words, _) = bytes.as_chunks::<4>();
            <[[u8; 4]; 8]>::try_from(words).unwrap_or_default().map(u32::from_le_bytes)
        });
        for last in (1..order.len()).rev() {
            let word = words.next().unwrap_or_default() as usize;
            order.swap(last, word % (last + 1));
        }
        order
    }

    /// Notes that the slot of `leader` was decided.
    pub(super) fn decided(&mut self, leader: Author, is_skipped: bool) {
        let record = self.record(leader);
        record.led += 1;
        record.skipped += u64::from(is_skipped);
    }

    /// Notes that a checkpoint was sequenced, the first of its slot.
    pub(super) fn sequenced(&mut self, round: Round, author: Author) {
        if round > self.turns.start {
            self.record(author).rounds += 1;
        }
    }

    fn record(&mut self, author: Author) -> &mut Record {
        self.records.entry(author).or_insert(Record { author, ..Record::default() })
    }

    /// Makes the schedule for the rounds above `leader_round`, from what happened up to it.
    pub(super) fn change(&mut self, leader_round: Round) {
        let window = leader_round.0.saturating_sub(self.turns.start.0);
        let mut worst: Vec<(u64, Author)> = Vec::new();
        for author in self.committee.authors() {
            let record = self.records.get(&author).copied().unwrap_or_default();
            worst.extend(fault(record, window).map(|fault| (fault, author)));
        }
        worst.sort_unstable_by_key(|(fault, author)| (u64::MAX - fault, *author));
        let mut left = self.committee.faulty();
        let mut demoted = Vec::new();
        for (_, author) in worst {
            if let Some(rest) = left.checked_sub(self.committee.weight(author)) {
                left = rest;
                demoted.push(author);
            }
        }
        demoted.sort_unstable();
        self.slots = slots(&self.committee, &demoted);
        let number = self.turns.number + 1;
        self.turns = Turns { number, start: leader_round, demoted, records: Vec::new() };
        self.records.clear();
    }
}

/// How badly a validator did, in thousandths of what it was to do, if badly enough to be demoted:
/// away in more than half of the rounds, or two of its slots and at least half of them skipped.
fn fault(record: Record, window: u64) -> Option<u64> {
    let Record { rounds, led, skipped, .. } = record;
    let thousandths = |part: u64, whole: u64| part.saturating_mul(1_000) / whole.max(1);
    let away = window.saturating_sub(rounds);
    let is_away = rounds.saturating_mul(2) < window;
    let is_skipped = skipped >= 2 && skipped.saturating_mul(2) >= led;
    let of_rounds = is_away.then(|| thousandths(away, window));
    of_rounds.max(is_skipped.then(|| thousandths(skipped, led)))
}

/// One slot for the lightest of those who lead, more for the heavier.
fn slots(committee: &Committee, demoted: &[Author]) -> Vec<Author> {
    let eligible = || committee.authors().filter(|author| !demoted.contains(author));
    let lightest = eligible().map(|author| committee.weight(author)).min().unwrap_or(1);
    let unit = lightest.max(committee.total().div_ceil(SLOTS_MAX - VALIDATORS_MAX as u64));
    let turns = |author| usize::try_from(committee.weight(author) / unit).unwrap_or(1).max(1);
    eligible().flat_map(|author| core::iter::repeat_n(author, turns(author))).collect()
}
