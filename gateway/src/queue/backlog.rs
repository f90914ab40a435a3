//! What waits, by device, in memory: bounds, ages, and whose turn it is.
//!
//! A device whose oldest message is young is *live*; others are *behind*. Each kind takes turns.
//! Those behind have a share of messages a second that is theirs whatever waits beside; apart from
//! that live ones go first, and those behind get what they leave. So a device that comes back after
//! a day holds up nobody, is held up by nobody for good, and after an outage that left all behind
//! nothing idles.
//!
//! Invariant: at most one body of a device is being made or handed over at a time, so its messages
//! reach the ledger in their order.
//!
//! Left out on purpose: clocks and the disk. Time is an argument, and this holds numbers alone.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    time::Duration,
};

use weft_core::time::Time;

use super::Entry;
use crate::{device::DeviceName, upload::MessageId};

/// Below this age of its oldest message, a device is live.
const LIVE_BELOW_MS: u64 = 30_000;

/// How far apart, and how many, the messages of one body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most messages that wait.
    pub(crate) count: usize,
    /// Most bytes that wait.
    pub(crate) bytes: u64,
    /// Messages per second of devices that are behind that go before live ones.
    pub(crate) drain_per_second: u32,
    /// Messages of one body, where they are put together.
    pub(crate) batch: usize,
    /// How long the first of them waits for the others.
    pub(crate) batch_wait: Duration,
}

/// What is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) count: usize,
    pub(crate) bytes: u64,
    pub(crate) devices: usize,
    /// When the oldest message came.
    pub(crate) oldest: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: MessageId,
    received: Time,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    is_batched: bool,
    is_busy: bool,
    /// After a failure: not before.
    not_before: Time,
}

/// How old what a device has waiting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Live,
    Behind,
}

impl Class {
    /// `None` where nothing waits.
    fn of(line: &Line, now: Time) -> Option<Self> {
        let is_live = age(line.waiting.front()?, now) < LIVE_BELOW_MS;
        Some(if is_live { Self::Live } else { Self::Behind })
    }
}

/// What waits.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    lines: BTreeMap<DeviceName, Line>,
    count: usize,
    bytes: u64,
    /// Who had the last turn, of those live and of those behind.
    last: [Option<DeviceName>; 2],
    /// What devices that are behind have left of their share, in thousandths of a message; below 0
    /// after a body of many.
    share: i64,
    filled: Time,
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) device: DeviceName,
    /// The first message that waits.
    pub(crate) first: MessageId,
    /// The last of those that it is about. What the disk has behind it is not known to wait yet.
    pub(crate) last: MessageId,
}

impl Backlog {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: BTreeMap::new(),
            count: 0,
            bytes: 0,
            last: [None, None],
            share: 0,
            filled: Time::ZERO,
        }
    }

    /// Whether `count` further messages of `bytes` in all may wait.
    pub(crate) const fn has_room(&self, count: usize, bytes: u64) -> bool {
        self.count.saturating_add(count) <= self.limits.count
            && self.bytes.saturating_add(bytes) <= self.limits.bytes
    }

    /// A message waits. Those given back go where they were.
    pub(crate) fn add(&mut self, entry: &Entry, is_batched: bool) {
        let line = self.lines.entry(entry.device.clone()).or_default();
        line.is_batched = is_batched;
        let bytes = entry.bytes();
        let waiting = Waiting { id: entry.id, received: entry.received, bytes };
        let at = line.waiting.partition_point(|other| other.id < entry.id);
        line.waiting.insert(at, waiting);
        self.count += 1;
        self.bytes += bytes;
    }

    /// Messages wait no longer: they are on their way.
    pub(crate) fn remove(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Some(line) = self.lines.get_mut(&entry.device) else { continue };
            let at = line.waiting.partition_point(|other| other.id < entry.id);
            if line.waiting.get(at).is_none_or(|found| found.id != entry.id) {
                continue;
            }
            if let Some(removed) = line.waiting.remove(at) {
                self.count -= 1;
                self.bytes -= removed.bytes;
            }
        }
    }

    /// Whose turn it is at `now`; that device is busy then. `is_idle`: there is more room than live
    /// devices need, so that those behind may have more than their share.
    pub(crate) fn turn(&mut self, now: Time, is_idle: bool) -> Option<Turn> {
        self.fill(now);
        let behind = |backlog: &Self| backlog.next(Class::Behind, now);
        let shared = (self.share >= 1_000).then(|| behind(self)).flatten();
        let is_shared = shared.is_some();
        let device = shared
            .or_else(|| self.next(Class::Live, now))
            .or_else(|| is_idle.then(|| behind(self)).flatten())?;
        let limits = self.limits;
        let line = self.lines.get_mut(&device)?;
        let class = Class::of(line, now)?;
        line.is_busy = true;
        let most = if line.is_batched { limits.batch } else { 1 };
        let count = most.min(line.waiting.len());
        let (first, last) = (line.waiting.front()?.id, line.waiting.get(count - 1)?.id);
        if is_shared {
            let sent = i64::try_from(count).unwrap_or(i64::MAX);
            self.share = self.share.saturating_sub(sent.saturating_mul(1_000));
        }
        if let Some(last) = self.last.get_mut(class as usize) {
            *last = Some(device.clone());
        }
        Some(Turn { device, first, last })
    }

    /// The next device of a class behind the one that had the last turn, all around.
    fn next(&self, class: Class, now: Time) -> Option<DeviceName> {
        let last = self.last.get(class as usize)?.as_ref();
        let behind = last.map_or(Bound::Unbounded, Bound::Excluded);
        let first = self.lines.range::<DeviceName, _>((behind, Bound::Unbounded));
        let rest = last.into_iter().flat_map(|last| self.lines.range::<DeviceName, _>(..=last));
        let mut ready = first
            .chain(rest)
            .filter(|(_, line)| Class::of(line, now) == Some(class) && self.is_ready(line, now));
        ready.next().map(|(name, _)| name.clone())
    }

    fn is_ready(&self, line: &Line, now: Time) -> bool {
        let Some(oldest) = line.waiting.front() else { return false };
        if line.is_busy || now < line.not_before {
            return false;
        }
        let wait = u64::try_from(self.limits.batch_wait.as_millis()).unwrap_or(u64::MAX);
        !line.is_batched || line.waiting.len() >= self.limits.batch || age(oldest, now) >= wait
    }

    /// A second's worth of the share may be saved up.
    fn fill(&mut self, now: Time) {
        let past = now.as_millis().saturating_sub(self.filled.as_millis()).min(1_000);
        let rate = i64::from(self.limits.drain_per_second);
        let gained = rate.saturating_mul(i64::try_from(past).unwrap_or(1_000));
        self.share = self.share.saturating_add(gained).min(rate.max(1) * 1_000);
        self.filled = now;
    }

    /// A device is no longer busy. After a failure it has its next turn `not_before`.
    pub(crate) fn free(&mut self, device: &DeviceName, not_before: Time) {
        if let Some(line) = self.lines.get_mut(device) {
            line.is_busy = false;
            line.not_before = line.not_before.max(not_before);
            if line.waiting.is_empty() {
                self.lines.remove(device);
            }
        }
    }

    /// A device whose body took no effect has its next turn `not_before`.
    pub(crate) fn pause(&mut self, device: &DeviceName, not_before: Time) {
        if let Some(line) = self.lines.get_mut(device) {
            line.not_before = line.not_before.max(not_before);
        }
    }

    /// What is told of it.
    pub(crate) fn levels(&self) -> Levels {
        let lines = self.lines.values();
        let oldest = lines.filter_map(|line| line.waiting.front()).map(|oldest| oldest.received);
        Levels {
            count: self.count,
            bytes: self.bytes,
            devices: self.lines.values().filter(|line| !line.waiting.is_empty()).count(),
            oldest: oldest.min(),
        }
    }
}

const fn age(waiting: &Waiting, now: Time) -> u64 {
    now.as_millis().saturating_sub(waiting.received.as_millis())
}

#[cfg(test)]
mod tests {
    use weft_core::tx::ContentType;

    use super::*;
    use crate::queue::Content;

    const LIMITS: Limits = Limits {
        count: 10_000,
        bytes: 1 << 30,
        drain_per_second: 10,
        batch: 4,
        batch_wait: Duration::from_secs(10),
    };

    fn at(ms: u64) -> Time {
        Time::from_millis(1_000_000 + ms)
    }

    fn entry(id: u64, device: &str, ms: u64) -> Entry {
        let (stream, bytes) = ("s".to_owned(), vec![0; 10]);
        let (content_type, time) = (ContentType::TEXT, Time::ZERO);
        Entry {
            id: MessageId(id),
            device: device.parse().unwrap(),
            received: at(ms),
            content: Content::Reading { stream, content_type, time, bytes },
        }
    }

    fn name(backlog: &mut Backlog, ms: u64) -> Option<(String, u64, u64)> {
        let turn = backlog.turn(at(ms), true)?;
        Some((turn.device.to_string(), turn.first.0, turn.last.0))
    }

    #[test]
    fn devices_take_turns_and_each_has_one_body_at_a_time() {
        let mut backlog = Backlog::new(LIMITS);
        let entries: Vec<_> = (0..6)
            .zip(["a", "b", "c"].repeat(2))
            .map(|(id, device)| entry(id, device, 0))
            .collect();
        entries.iter().for_each(|entry| backlog.add(entry, false));
        let turns: Vec<_> = (0..4).filter_map(|_| name(&mut backlog, 1)).collect();
        assert_eq!(turns, [("a".into(), 0, 0), ("b".into(), 1, 1), ("c".into(), 2, 2)]);
        backlog.remove(&entries[..3]);
        for device in ["b", "a"] {
            backlog.free(&device.parse().unwrap(), Time::ZERO);
        }
        assert_eq!(name(&mut backlog, 2), Some(("a".into(), 3, 3)));
        assert_eq!(name(&mut backlog, 2), Some(("b".into(), 4, 4)));
        assert_eq!(name(&mut backlog, 2), None);
    }

    #[test]
    fn readings_are_put_together_until_they_are_many_or_old() {
        let mut backlog = Backlog::new(LIMITS);
        (0..3).for_each(|id| backlog.add(&entry(id, "a", 0), true));
        assert_eq!(name(&mut backlog, 9_999), None);
        backlog.add(&entry(3, "a", 9_000), true);
        assert_eq!(name(&mut backlog, 9_999), Some(("a".into(), 0, 3)));
        let mut backlog = Backlog::new(LIMITS);
        backlog.add(&entry(0, "a", 0), true);
        assert_eq!(name(&mut backlog, 10_000), Some(("a".into(), 0, 0)));
    }

    /// Ten seconds in steps of 10 ms. In each a live message comes, and `turns` bodies can be made.
    /// How many of the device that is behind were sent, how many live ones, and how late at most.
    fn ten_seconds(turns: usize) -> (u64, u64, u64) {
        let mut backlog = Backlog::new(LIMITS);
        (0..3_000).for_each(|id| backlog.add(&entry(id, "old", 0), false));
        let (mut old, mut live, mut late) = (0, 0, 0);
        for step in 0..1_000_u64 {
            let now = 100_000 + 10 * step;
            backlog.add(&entry(10_000 + step, "live", now), false);
            for _ in 0..turns {
                let Some((device, id, _)) = name(&mut backlog, now) else { break };
                let sent = if device == "old" {
                    old += 1;
                    entry(id, "old", 0)
                } else {
                    live += 1;
                    late = late.max(step + 10_000 - id);
                    entry(id, "live", now)
                };
                backlog.remove(&[sent]);
                backlog.free(&device.parse().unwrap(), Time::ZERO);
            }
        }
        (old, live, 10 * late)
    }

    #[test]
    fn who_is_behind_has_its_share_and_what_live_ones_leave() {
        let (old, live, late) = ten_seconds(2);
        assert_eq!((live, late), (1_000, 0), "live data is never late");
        assert_eq!(old, 1_000, "and nothing idles");
        let (old, live, _) = ten_seconds(1);
        assert!((100..=110).contains(&old), "{old} in 10 s at 10 a second: that is its own");
        assert_eq!(old + live, 1_000);
    }

    #[test]
    fn where_there_is_no_room_to_spare_who_is_behind_has_its_share_alone() {
        let mut backlog = Backlog::new(LIMITS);
        let mut sent = 0;
        (0..100).for_each(|id| backlog.add(&entry(id, "old", 0), false));
        for step in 0..200_u64 {
            while let Some(turn) = backlog.turn(at(100_000 + 10 * step), false) {
                sent += 1;
                backlog.remove(&[entry(turn.first.0, "old", 0)]);
                backlog.free(&turn.device, Time::ZERO);
            }
        }
        assert!((20..=30).contains(&sent), "{sent} in two seconds at 10 a second");
    }

    #[test]
    fn what_is_given_back_comes_first_again_and_after_its_pause() {
        let mut backlog = Backlog::new(LIMITS);
        let (first, second) = (entry(0, "a", 0), entry(1, "a", 0));
        backlog.add(&first, false);
        backlog.add(&second, false);
        assert!(backlog.turn(at(0), true).is_some());
        backlog.remove(core::slice::from_ref(&first));
        backlog.add(&first, false);
        backlog.free(&first.device, at(50));
        assert_eq!(name(&mut backlog, 49), None);
        assert_eq!(name(&mut backlog, 50), Some(("a".into(), 0, 0)));
    }

    #[test]
    fn bounds_are_in_count_and_bytes_and_levels_add_up() {
        let bytes = entry(0, "a", 0).bytes();
        let mut backlog = Backlog::new(Limits { count: 2, bytes: 10 * bytes, ..LIMITS });
        for id in 0..2 {
            assert!(backlog.has_room(1, bytes));
            backlog.add(&entry(id, "a", id), false);
        }
        assert!(!backlog.has_room(1, bytes), "two are as many as may wait");
        let levels = Levels { count: 2, bytes: 2 * bytes, devices: 1, oldest: Some(at(0)) };
        assert_eq!(backlog.levels(), levels);
        let backlog = Backlog::new(Limits { bytes: bytes - 1, ..LIMITS });
        assert!(!backlog.has_room(1, bytes));
        let mut backlog = Backlog::new(LIMITS);
        backlog.add(&entry(0, "a", 0), false);
        backlog.remove(&[entry(0, "a", 0), entry(1, "a", 0), entry(0, "b", 0)]);
        assert_eq!(backlog.levels(), Levels::default());
    }
}
