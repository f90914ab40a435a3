//! What waits, by device, in memory: bounds, ages, and whose turn it is.
//!
//! A device whose oldest message is young is *live*; others are *behind*. Live ones take turns and
//! go first; those behind take turns too, at a limited rate of messages, so that a device that
//! comes back after a day does not hold up all others, and is not held up by them either.
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
    /// Messages per second of devices that are behind.
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

/// What waits.
#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    lines: BTreeMap<DeviceName, Line>,
    count: usize,
    bytes: u64,
    /// Who had the last turn, of those live and of those behind.
    last: [Option<DeviceName>; 2],
    /// What devices that are behind may send now, in thousandths of a message.
    allowance: u64,
    filled: Time,
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) device: DeviceName,
    /// The first message that waits.
    pub(crate) first: MessageId,
    /// At most so many.
    pub(crate) count: usize,
}

impl Backlog {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: BTreeMap::new(),
            count: 0,
            bytes: 0,
            last: [None, None],
            allowance: 0,
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

    /// Whose turn it is at `now`; that device is busy then.
    pub(crate) fn turn(&mut self, now: Time) -> Option<Turn> {
        self.fill(now);
        for (class, is_live) in [true, false].into_iter().enumerate() {
            if !is_live && self.allowance < 1_000 {
                continue;
            }
            let Some(device) = self.next(class, is_live, now) else { continue };
            let limits = self.limits;
            let line = self.lines.get_mut(&device)?;
            line.is_busy = true;
            let first = line.waiting.front()?.id;
            let mut count = if line.is_batched { limits.batch } else { 1 };
            if !is_live {
                let allowed = usize::try_from(self.allowance / 1_000).unwrap_or(usize::MAX);
                count = count.min(allowed).min(line.waiting.len());
                self.allowance -= 1_000 * count as u64;
            }
            if let Some(last) = self.last.get_mut(class) {
                *last = Some(device.clone());
            }
            return Some(Turn { device, first, count });
        }
        None
    }

    /// The next device of a class behind the one that had the last turn, all around.
    fn next(&self, class: usize, is_live: bool, now: Time) -> Option<DeviceName> {
        let last = self.last.get(class)?.as_ref();
        let behind = last.map_or(Bound::Unbounded, Bound::Excluded);
        let first = self.lines.range::<DeviceName, _>((behind, Bound::Unbounded));
        let rest = last.into_iter().flat_map(|last| self.lines.range::<DeviceName, _>(..=last));
        let mut ready = first
            .chain(rest)
            .filter(|(_, line)| self.is_ready(line, now) && Self::is_live(line, now) == is_live);
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

    fn is_live(line: &Line, now: Time) -> bool {
        line.waiting.front().is_some_and(|oldest| age(oldest, now) < LIVE_BELOW_MS)
    }

    /// A second's worth may be saved up.
    fn fill(&mut self, now: Time) {
        let past = now.as_millis().saturating_sub(self.filled.as_millis()).min(1_000);
        let rate = u64::from(self.limits.drain_per_second);
        self.allowance = (self.allowance + past * rate).min(rate.max(1) * 1_000);
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

    fn name(backlog: &mut Backlog, ms: u64) -> Option<(String, u64, usize)> {
        let turn = backlog.turn(at(ms))?;
        Some((turn.device.to_string(), turn.first.0, turn.count))
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
        assert_eq!(turns, [("a".into(), 0, 1), ("b".into(), 1, 1), ("c".into(), 2, 1)]);
        backlog.remove(&entries[..3]);
        for device in ["b", "a"] {
            backlog.free(&device.parse().unwrap(), Time::ZERO);
        }
        assert_eq!(name(&mut backlog, 2), Some(("a".into(), 3, 1)));
        assert_eq!(name(&mut backlog, 2), Some(("b".into(), 4, 1)));
        assert_eq!(name(&mut backlog, 2), None);
    }

    #[test]
    fn readings_are_put_together_until_they_are_many_or_old() {
        let mut backlog = Backlog::new(LIMITS);
        (0..3).for_each(|id| backlog.add(&entry(id, "a", 0), true));
        assert_eq!(name(&mut backlog, 9_999), None);
        backlog.add(&entry(3, "a", 9_000), true);
        assert_eq!(name(&mut backlog, 9_999), Some(("a".into(), 0, 4)));
        let mut backlog = Backlog::new(LIMITS);
        backlog.add(&entry(0, "a", 0), true);
        assert_eq!(name(&mut backlog, 10_000), Some(("a".into(), 0, 4)));
    }

    #[test]
    fn who_is_behind_drains_at_its_rate_and_holds_up_nobody() {
        let mut backlog = Backlog::new(LIMITS);
        let old: Vec<_> = (0..1_000).map(|id| entry(id, "old", 0)).collect();
        old.iter().for_each(|entry| backlog.add(entry, false));
        let (mut sent, mut live) = (0, 0);
        // Ten seconds in steps of 10 ms; each step a live message comes too.
        for step in 0..1_000_u64 {
            let now = 100_000 + 10 * step;
            backlog.add(&entry(10_000 + step, "live", now), false);
            while let Some((device, id, _)) = name(&mut backlog, now) {
                let is_old = device == "old";
                *(if is_old { &mut sent } else { &mut live }) += 1;
                let done = if is_old { entry(id, "old", 0) } else { entry(id, "live", now) };
                backlog.remove(&[done]);
                backlog.free(&device.parse().unwrap(), Time::ZERO);
            }
        }
        assert_eq!(live, 1_000, "live data is never late");
        assert!((100..=120).contains(&sent), "{sent} of those behind in 10 s at 10 a second");
    }

    #[test]
    fn what_is_given_back_comes_first_again_and_after_its_pause() {
        let mut backlog = Backlog::new(LIMITS);
        let (first, second) = (entry(0, "a", 0), entry(1, "a", 0));
        backlog.add(&first, false);
        backlog.add(&second, false);
        assert!(backlog.turn(at(0)).is_some());
        backlog.remove(core::slice::from_ref(&first));
        backlog.add(&first, false);
        backlog.free(&first.device, at(50));
        assert_eq!(name(&mut backlog, 49), None);
        assert_eq!(name(&mut backlog, 50), Some(("a".into(), 0, 1)));
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
