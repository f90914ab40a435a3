//! What is counted, for Prometheus: at the doors, never inside.
//!
//! Names are `weft_gateway_<what>_<unit>`. Nothing a device chooses becomes a label.

use std::sync::{Mutex, PoisonError};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use weft_core::time::Time;

use crate::{
    queue::Levels,
    upload::{Accepted, Refusal},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// All counters of a gateway.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    accepted: Counter,
    repeated: Counter,
    refused: Family<Reason, Counter>,
    attached: Counter,
    finals: Family<Reason, Counter>,
    given_back: Counter,
    receipts_lost: Counter,
    waiting: Gauge,
    waiting_bytes: Gauge,
    waiting_devices: Gauge,
    oldest_ms: Gauge,
    outgoing: Gauge,
    connections: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("weft_gateway");
        let metrics = Self {
            registry: Mutex::default(),
            accepted: Counter::default(),
            repeated: Counter::default(),
            refused: Family::default(),
            attached: Counter::default(),
            finals: Family::default(),
            given_back: Counter::default(),
            receipts_lost: Counter::default(),
            waiting: Gauge::default(),
            waiting_bytes: Gauge::default(),
            waiting_devices: Gauge::default(),
            oldest_ms: Gauge::default(),
            outgoing: Gauge::default(),
            connections: Gauge::default(),
        };
        let m = &metrics;
        registry.register("accepted", "Messages on disk", m.accepted.clone());
        registry.register("repeated", "Messages that were there before", m.repeated.clone());
        registry.register("refused", "Messages refused, by reason", m.refused.clone());
        registry.register("attached", "Bodies on a node's disk", m.attached.clone());
        registry.register("final", "Bodies that are final, by outcome", m.finals.clone());
        registry.register("given_back", "Bodies to be sealed anew", m.given_back.clone());
        registry.register("receipts_lost", "Receipts nobody read", m.receipts_lost.clone());
        registry.register("waiting_messages", "Messages that wait", m.waiting.clone());
        registry.register("waiting_bytes", "Their bytes", m.waiting_bytes.clone());
        registry.register("waiting_devices", "Devices they are of", m.waiting_devices.clone());
        registry.register("oldest_age_ms", "Age of the oldest that waits", m.oldest_ms.clone());
        registry.register("outgoing_bodies", "Bodies that are not final", m.outgoing.clone());
        registry.register("mqtt_connections", "Devices connected", m.connections.clone());
        Self { registry: Mutex::new(registry), ..metrics }
    }

    pub(crate) fn accepted(&self, accepted: &Accepted) {
        if accepted.is_repeat {
            self.repeated.inc()
        } else {
            self.accepted.inc()
        };
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.refused.get_or_create(&Reason { reason: refusal.code() }).inc();
    }

    pub(crate) fn attached(&self) {
        self.attached.inc();
    }

    /// `is_applied`: it took effect.
    pub(crate) fn settled(&self, is_applied: bool) {
        let reason = if is_applied { "applied" } else { "other" };
        self.finals.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn given_back(&self) {
        self.given_back.inc();
    }

    pub(crate) fn receipt_lost(&self) {
        self.receipts_lost.inc();
    }

    pub(crate) fn connected(&self, change: i64) {
        self.connections.inc_by(change);
    }

    pub(crate) fn outgoing(&self, count: usize) {
        self.outgoing.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All of it as Prometheus reads it, with the levels of now.
    pub(crate) fn text(&self, levels: Levels, now: Time) -> String {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let oldest = levels.oldest.unwrap_or(now);
        self.waiting.set(signed(levels.count as u64));
        self.waiting_bytes.set(signed(levels.bytes));
        self.waiting_devices.set(signed(levels.devices as u64));
        self.oldest_ms.set(signed(now.as_millis().saturating_sub(oldest.as_millis())));
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        text::encode(&mut out, &registry).expect("a string takes whatever is written to it");
        out
    }
}
