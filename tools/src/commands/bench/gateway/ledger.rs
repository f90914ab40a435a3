//! What the ledger has of the devices, by the node's events.
//!
//! Invariant: a message counts as often as there are bodies with it that took effect. Bodies of
//! which the outcome is not known yet keep the count open: what is judged is the end.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use tokio::{sync::watch, time::Instant};
use weft_client::host::{ClientError, Content, Cursor, Filter, Followed, Kinds, NodeClient, Told};
use weft_core::{codec::Decode as _, digest::BodyId, market::batch::Chunk, tx::ContentType};

use super::fleet::{Plan, stream};
use crate::failure::Failure;

/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// What is known by now.
pub(super) struct Ledger {
    plan: Plan,
    devices: HashMap<String, u32>,
    counted: Mutex<Counted>,
    is_complete: watch::Sender<bool>,
}

/// The counts.
pub(super) struct Counted {
    /// How often each message took effect, by device and number; the last is the one at the end.
    times: Vec<Vec<u8>>,
    /// Messages that never did.
    missing: usize,
    /// Bodies that are attached and not ordered, with their messages.
    open: HashMap<BodyId, Vec<(u32, u32)>>,
    /// The highest number that was attached, by device.
    last: Vec<Option<u32>>,
    /// Messages that were attached behind a later one of their device.
    pub(super) disordered: u64,
    /// Bodies that took effect.
    pub(super) bodies: u64,
    /// Bodies that did not, by why.
    pub(super) without_effect: HashMap<String, u64>,
    /// From when a message was meant to be sent to its place in the order, in microseconds.
    pub(super) latencies: Histogram<u64>,
}

impl Ledger {
    /// Nothing of what `devices` devices are to send.
    ///
    /// # Panics
    /// Never: the bounds of the histogram are constants that fit.
    pub(super) fn new(devices: u32, plan: Plan) -> Self {
        let each = plan.messages as usize + 1;
        let count = devices as usize;
        let counted = Counted {
            times: vec![vec![0; each]; count],
            missing: each * count,
            open: HashMap::new(),
            last: vec![None; count],
            disordered: 0,
            bodies: 0,
            without_effect: HashMap::new(),
            latencies: Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 us to 10 min"),
        };
        Self {
            plan,
            devices: (0..devices).map(|device| (stream(device), device)).collect(),
            counted: Mutex::new(counted),
            is_complete: watch::channel(false).0,
        }
    }

    /// Follows what `account` posts through `node` behind `from`. Ends with an error alone.
    pub(super) async fn watch(&self, node: NodeClient, account: String, from: Cursor) -> Failure {
        let kinds = Kinds { certified: false, ..Kinds::ALL };
        let filter = Filter { issuer: Some(account), after: Some(from), kinds, stream: None };
        let mut events = pin!(node.events(filter));
        loop {
            let followed: Result<Followed, ClientError> = match events.next().await {
                Some(followed) => followed,
                None => return Failure::failed("the node's events ended"),
            };
            match followed {
                Ok(Followed::Reading(reading)) => self.attached(reading.body, &reading.content),
                Ok(Followed::Committed(committed)) => {
                    self.committed(committed.body, &committed.outcome);
                }
                Ok(Followed::Certified(_) | Followed::Cut { .. }) => {}
                Err(error) => return error.into(),
            }
        }
    }

    /// Waits until every message took effect, and nothing else may still do.
    pub(super) async fn complete(&self) {
        // The sender is ours: it does not go.
        let _ = self.is_complete.subscribe().wait_for(|complete| *complete).await;
    }

    /// The counts as they are.
    pub(super) fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attached(&self, body: BodyId, content: &Content) {
        let Some(device) = self.devices.get(&content.stream).copied() else { return };
        let messages = numbers(content).into_iter().map(|number| (device, number)).collect();
        self.counted().attached(body, messages);
    }

    fn committed(&self, body: BodyId, outcome: &Told) {
        let mut counted = self.counted();
        counted.committed(body, outcome, self.plan);
        let is_complete = counted.missing == 0 && counted.open.is_empty();
        drop(counted);
        self.is_complete.send_replace(is_complete);
    }
}

impl Counted {
    fn attached(&mut self, body: BodyId, messages: Vec<(u32, u32)>) {
        for (device, number) in &messages {
            let Some(last) = self.last.get_mut(*device as usize) else { continue };
            if last.is_some_and(|last| *number <= last) {
                self.disordered += 1;
            }
            *last = Some(last.map_or(*number, |last| last.max(*number)));
        }
        self.open.insert(body, messages);
    }

    fn committed(&mut self, body: BodyId, outcome: &Told, plan: Plan) {
        // What is not settled asks for another attachment, which has an outcome of its own.
        if !outcome.is_settled() {
            return;
        }
        let Some(messages) = self.open.remove(&body) else { return };
        if !outcome.is_applied() {
            *self.without_effect.entry(outcome.code.clone()).or_default() += 1;
            return;
        }
        self.bodies += 1;
        for (device, number) in messages {
            let times = self.times.get_mut(device as usize);
            let Some(times) = times.and_then(|of| of.get_mut(number as usize)) else { continue };
            if *times == 0 {
                self.missing -= 1;
                if number < plan.messages {
                    let late = Instant::now().saturating_duration_since(plan.due(device, number));
                    let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                    self.latencies.saturating_record(micros);
                }
            }
            *times = times.saturating_add(1);
        }
    }

    /// How many of the first `acknowledged` messages of a device never took effect.
    pub(super) fn lost(&self, device: usize, acknowledged: u32) -> usize {
        let times = self.times.get(device).map_or(&[][..], Vec::as_slice);
        times.iter().take(acknowledged as usize).filter(|times| **times == 0).count()
    }

    /// How many messages took effect more than once.
    pub(super) fn doubled(&self) -> usize {
        self.times.iter().flatten().filter(|times| **times > 1).count()
    }
}

/// The numbers in a reading, or in the readings that were put together.
fn numbers(content: &Content) -> Vec<u32> {
    let Some(bytes) = content.bytes() else { return Vec::new() };
    let number = |bytes: &[u8]| str::from_utf8(bytes).ok()?.parse().ok();
    if content.content_type != ContentType::BATCH.0 {
        return number(&bytes).into_iter().collect();
    }
    let readings = Chunk::from_bytes(&bytes).map(Chunk::into_readings).unwrap_or_default();
    readings.iter().filter_map(|reading| number(&reading.bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        Ledger::new(2, Plan { port: 1, messages: 2, start: Instant::now() })
    }

    fn text(device: u32, text: &str) -> Content {
        let (stream, text) = (stream(device), Some(text.to_owned()));
        let content_type = ContentType::TEXT.0;
        Content { stream, content_type, content_type_name: None, text, data: None }
    }

    fn told(code: &str) -> Told {
        Told { code: code.to_owned(), detail: String::new() }
    }

    #[test]
    fn what_is_lost_or_doubled_is_counted_by_what_took_effect() {
        let ledger = ledger();
        let body = |n| BodyId([n; 32]);
        ledger.attached(body(1), &text(0, "0"));
        ledger.attached(body(2), &text(0, "1"));
        ledger.attached(body(3), &text(0, "1"));
        ledger.committed(body(1), &told("applied"));
        ledger.committed(body(1), &told("applied"));
        ledger.committed(body(2), &told("applied"));
        let lost = |device, acknowledged| ledger.counted().lost(device, acknowledged);
        assert_eq!((lost(0, 2), lost(1, 2), ledger.counted().doubled()), (0, 2, 0));
        ledger.committed(body(3), &told("seq_used"));
        assert_eq!(ledger.counted().doubled(), 0, "it took no effect");
        ledger.attached(body(4), &text(0, "0"));
        assert_eq!(ledger.counted().disordered, 2, "1 again, then 0");
        ledger.committed(body(4), &told("applied"));
        let counted = ledger.counted();
        assert_eq!((counted.doubled(), counted.bodies), (1, 3));
    }

    #[test]
    fn it_is_complete_when_all_took_effect_and_no_body_is_open() {
        let ledger = ledger();
        let mut id = 0;
        let mut post = |device, number: &str| {
            id += 1;
            ledger.attached(BodyId([id; 32]), &text(device, number));
            BodyId([id; 32])
        };
        let is_complete = || *ledger.is_complete.subscribe().borrow();
        for (device, number) in [(0, "0"), (0, "1"), (0, "2"), (1, "0"), (1, "1"), (1, "2")] {
            assert!(!is_complete());
            let body = post(device, number);
            ledger.committed(body, &told("applied"));
        }
        assert!(is_complete());
        let (one, two) = (post(1, "2"), post(1, "1"));
        ledger.committed(one, &told("no_account"));
        assert!(!is_complete());
        ledger.committed(one, &told("seq_used"));
        ledger.committed(two, &told("applied"));
        assert!(is_complete());
        assert_eq!(ledger.counted().doubled(), 1);
    }
}
