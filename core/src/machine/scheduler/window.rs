//! How much may be attached and not ordered yet: twice what the network orders in the time that one
//! transaction needs when nothing is in its way; less of it by those without a share, as long as
//! somebody with one has to wait.
//!
//! What is attached beyond that becomes final no sooner, since every node must have it first; it
//! only fills the way of the checkpoints and of what they cite, until rounds stand still. By
//! Little's law what is under way is pace times time, and both are measured, as in congestion
//! control (N. Cardwell et al., *BBR: Congestion-Based Congestion Control*, ACM Queue 14(5), 2016):
//! the pace as the most of late, the time as the least.
//!
//! Invariant: neither lifts itself. What is not ordered does not count for the pace, and a way that
//! is long because much is under way does not count for the time, unless it is so for minutes.
//! Where nothing is ordered at all because a quorum is missing, the window widens slowly, so that
//! what is posted is taken and kept until the quorum is back.

use super::bucket::Bucket;
use crate::{
    digest::TxId,
    time::{Span, Time},
};

/// What is taken to be under way at least: of a network that has no pace yet.
const LEAST: u64 = 128;

/// How many quarters of what is on its way if nothing is in the way: less would slow down a network
/// that can do more, more would wait.
const GAIN: u64 = 8;

/// The same beside somebody with a share who had to wait: what all have on its way is in his way,
/// so those without one have less of it, and the network does a little less than it could.
const GAIN_BESIDE: u64 = 5;

/// The same for whoever has a share: half as much again is theirs alone, so that they need not wait
/// for what others have on its way.
const GAIN_FUNDED: u64 = 12;

/// How long after he had to wait.
const BESIDE: Span = Span::from_millis(1_000);

/// What the pace is taken for at least where it sets how fast is attached, and of how long may be
/// attached at once.
const LEAST_PER_S: u64 = 2_048;
const AT_ONCE: Span = Span::from_millis(10);

/// How many may be attached in any case for which others wait then.
const DEBT_MAX: u64 = 512;

/// How long the pace is measured: over several commits, since one may order what several made room
/// for. The last two measurements count.
const MEASURED: Span = Span::from_millis(250);

/// The least that a way is taken for: of a committee of one it is what its pauses are.
const WAY_LEAST: Span = Span::from_millis(100);

/// How long the least way counts, once or twice: distances between validators seldom change.
const KEPT: Span = Span::from_secs(300);

/// How often a full window is looked at, beside what commits make room for.
const LOOK_AGAIN: Span = Span::from_millis(50);

/// After so long without a commit the window widens, by one each millisecond.
const STANDSTILL: Span = Span::from_millis(2_000);

/// For whom there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    All,
    /// For those who have a share.
    Funded,
    None,
}

/// The window of one node.
#[derive(Debug)]
pub(super) struct Window {
    pace: Pace,
    /// Spreads what is attached over time: a commit makes room at all nodes at once, and each would
    /// take all of it before it hears what the others took. Twice the pace into an empty window,
    /// so that the pace can grow, and no more than the pace into one that is nearly full.
    pacer: Bucket,
    way: Way,
    /// The last commit since the start: before, nothing is known.
    last: Option<Time>,
    /// When somebody with a share was at his turn last.
    beside: Option<Time>,
}

impl Default for Window {
    fn default() -> Self {
        let pacer = Bucket::new(LEAST_PER_S, LEAST, DEBT_MAX);
        Self { pace: Pace::default(), pacer, way: Way::default(), last: None, beside: None }
    }
}

impl Window {
    /// A transaction was attached that can be ordered.
    pub(super) fn attached(&mut self, now: Time, id: TxId) {
        self.way.begins(now, id);
    }

    /// A commit ordered `ids`.
    pub(super) fn ordered(&mut self, now: Time, ids: impl ExactSizeIterator<Item = TxId>) {
        self.pace.ordered(now, ids.len() as u64);
        self.way.ordered(now, ids);
        self.last = Some(now);
    }

    /// Somebody with a share had to wait for his turn, and has it now.
    pub(super) const fn has_funded(&mut self, now: Time) {
        self.beside = Some(now);
    }

    /// Something is attached that was asked about, or is in any case.
    pub(super) fn takes(&mut self) {
        self.pacer.spend(1);
    }

    /// For whom more may be attached while `in_flight` are and wait for their place in the order.
    pub(super) fn room(&mut self, now: Time, in_flight: usize) -> Room {
        let Some(last) = self.last else { return Room::All };
        let (in_flight, pace) = (in_flight as u64, self.pace.per_s());
        let under_way = pace.saturating_mul(self.way.least().as_millis()) / 1_000;
        let still = now.since(last).as_millis().saturating_sub(STANDSTILL.as_millis());
        let window = |gain: u64| LEAST.max(under_way).saturating_mul(gain) / 4 + still;
        let is_beside = self.beside.is_some_and(|at| now.since(at) < BESIDE);
        let of_all = window(if is_beside { GAIN_BESIDE } else { GAIN });
        let of_funded = window(GAIN_FUNDED);
        let pace = pace.max(LEAST_PER_S);
        let rate = pace + pace.saturating_mul(of_all.saturating_sub(in_flight)) / of_all;
        self.pacer.set(rate, AT_ONCE, LEAST);
        if !self.pacer.gives(now) {
            return Room::None;
        }
        match (in_flight < of_all, in_flight < of_funded) {
            (true, _) => Room::All,
            (false, true) => Room::Funded,
            (false, false) => Room::None,
        }
    }

    /// When there may be more room for somebody, if no commit makes it before.
    pub(super) fn due(&mut self, now: Time, in_flight: usize) -> Time {
        match (self.room(now, in_flight), self.pacer.due()) {
            (Room::All, _) => now,
            (_, paced) if paced > now => paced,
            _ => now + LOOK_AGAIN,
        }
    }
}

/// How much is ordered, as the most of the last two measurements.
#[derive(Debug, Default)]
struct Pace {
    /// In a second.
    measured: [u64; 2],
    /// Those since `since`.
    count: u64,
    since: Time,
}

impl Pace {
    /// A commit took the time that passed before it: counted for the time after, what a standstill
    /// had gathered would pass for pace, widen the window, and bring about the next standstill.
    fn ordered(&mut self, now: Time, count: u64) {
        self.count += count;
        let time = now.since(self.since);
        if time >= MEASURED {
            let [last, _] = self.measured;
            self.measured = [self.count.saturating_mul(1_000) / time.as_millis(), last];
            (self.count, self.since) = (0, now);
        }
    }

    fn per_s(&self) -> u64 {
        let [last, before] = self.measured;
        last.max(before)
    }
}

/// From attached to ordered: smoothed (RFC 6298, section 2), and the least that was of late.
#[derive(Debug, Default)]
struct Way {
    /// One at a time is followed.
    followed: Option<(TxId, Time)>,
    smoothed: Option<Span>,
    /// The least since `since`, and that of the time before.
    least: [Option<Span>; 2],
    since: Time,
}

impl Way {
    fn begins(&mut self, now: Time, id: TxId) {
        // Some are never ordered.
        let is_lost = |(_, since): (TxId, Time)| now.since(since) > STANDSTILL;
        if self.followed.is_none_or(is_lost) {
            self.followed = Some((id, now));
        }
    }

    fn ordered(&mut self, now: Time, mut ids: impl Iterator<Item = TxId>) {
        let arrived = self.followed.filter(|(followed, _)| ids.any(|id| id == *followed));
        let Some((_, since)) = arrived else { return };
        self.followed = None;
        let took = now.since(since).as_millis();
        let smoothed =
            self.smoothed.map_or(took, |before| (7 * before.as_millis() + took).div_ceil(8));
        let smoothed = Span::from_millis(smoothed);
        self.smoothed = Some(smoothed);
        let [least, _] = self.least;
        if now.since(self.since) >= KEPT {
            (self.least, self.since) = ([Some(smoothed), least], now);
        } else {
            self.least[0] = Some(least.map_or(smoothed, |least| least.min(smoothed)));
        }
    }

    fn least(&self) -> Span {
        self.least.into_iter().flatten().min().unwrap_or_default().max(WAY_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1_000_000);

    fn at(ms: u64) -> Time {
        START + Span::from_millis(ms)
    }

    /// From `from` to `to`, each tenth of a second `count` are ordered, and each takes `way` ms.
    fn run(window: &mut Window, from: u64, to: u64, count: u8, way: u64) {
        for ms in (from..to).step_by(100) {
            let id = |number: u8| TxId([number; 32]);
            window.attached(at(ms), id(0));
            window.ordered(at(ms + way), (0..count).map(id));
        }
    }

    /// How much may be under way of those without a share, and of those with one.
    fn rooms(window: &mut Window, ms: u64) -> [usize; 2] {
        let mut up_to = |most: Room| (0..).find(|n| window.room(at(ms), *n) == most).unwrap();
        [up_to(Room::Funded), up_to(Room::None)]
    }

    #[test]
    fn it_is_twice_what_is_under_way_when_nothing_is_in_the_way() {
        let mut window = Window::default();
        run(&mut window, 0, 2_000, 200, 400);
        // 2,000 a second, 400 ms each.
        assert_eq!(rooms(&mut window, 2_400), [1_600, 2_400]);
        run(&mut window, 2_000, 4_000, 200, 900);
        assert_eq!(rooms(&mut window, 4_900), [1_600, 2_400], "because it is long");
        run(&mut window, 5_000, 7_000, 1, 400);
        assert_eq!(rooms(&mut window, 7_400), [256, 384]);
    }

    #[test]
    fn beside_those_with_a_share_the_others_have_less_under_way() {
        let mut window = Window::default();
        run(&mut window, 0, 2_000, 200, 400);
        window.has_funded(at(2_400));
        assert_eq!(rooms(&mut window, 2_600), [1_000, 2_400]);
        assert_eq!(rooms(&mut window, 3_399), [1_000, 2_400]);
        assert_eq!(rooms(&mut window, 3_400), [1_600, 2_400], "nobody waited for a second");
    }

    #[test]
    fn what_a_standstill_gathered_is_no_pace() {
        let mut window = Window::default();
        run(&mut window, 0, 2_000, 200, 400);
        let gathered = (0..5_200_u16).map(|number| {
            let [high, low] = number.to_be_bytes();
            TxId([[high; 16], [low; 16]].concat().try_into().unwrap())
        });
        window.ordered(at(4_900), gathered);
        run(&mut window, 4_800, 5_000, 200, 400);
        assert_eq!(rooms(&mut window, 5_300), [1_600, 2_400]);
    }

    #[test]
    fn a_way_that_stays_long_counts_after_some_minutes() {
        let mut window = Window::default();
        run(&mut window, 0, 1_000, 200, 400);
        run(&mut window, 2_000, 290_000, 200, 900);
        assert_eq!(rooms(&mut window, 290_900), [1_600, 2_400]);
        run(&mut window, 291_000, 900_000, 200, 900);
        assert_eq!(rooms(&mut window, 900_900), [3_600, 5_400]);
    }

    #[test]
    fn who_is_never_ordered_is_not_followed_for_ever() {
        let mut way = Way::default();
        way.begins(at(0), TxId([1; 32]));
        way.begins(at(2_001), TxId([2; 32]));
        way.ordered(at(2_100), [TxId([1; 32])].into_iter());
        assert_eq!(way.smoothed, None);
        way.ordered(at(2_101), [TxId([2; 32])].into_iter());
        assert_eq!(way.smoothed, Some(Span::from_millis(100)));
    }

    #[test]
    fn what_a_commit_makes_room_for_is_not_taken_at_once() {
        let mut window = Window::default();
        run(&mut window, 0, 1_000, 250, 400);
        let mut taken = 0;
        for ms in 2_000..2_100 {
            while window.room(at(ms), 0) == Room::All {
                window.takes();
                taken += 1;
            }
            assert_eq!(window.due(at(ms), 0), at(ms + 1));
        }
        // What was saved up, and twice the pace, which is 2,500 a second.
        assert_eq!(taken, 128 + 495);
        (0..10_000).for_each(|_| window.takes());
        assert_eq!(window.due(at(2_100), 0), at(2_100 + 102), "debts are bounded");
        assert_eq!(window.due(at(2_100), 1_999), at(2_100 + 203), "and the pace, if it is full");
        assert_eq!(window.due(at(2_400), 10_000), at(2_400) + LOOK_AGAIN);
    }

    #[test]
    fn it_widens_slowly_where_nothing_is_ordered() {
        let mut window = Window::default();
        assert_eq!(window.room(START, 100_000), Room::All, "before the first commit");
        window.ordered(START, [].into_iter());
        assert_eq!(rooms(&mut window, 2_000), [256, 384]);
        assert_eq!(rooms(&mut window, 2_001), [257, 385]);
        assert_eq!(rooms(&mut window, 60_000), [58_256, 58_384]);
    }
}
