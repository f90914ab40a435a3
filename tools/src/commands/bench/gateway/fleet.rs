//! The devices: MQTT 3.1.1 with QoS 1, by rumqttc, each with a connection of its own.
//!
//! A device's messages are the numbers 0, 1, 2 .. and one more at the end, which is sent when all
//! others are acknowledged: what the gateway still has to say about those goes before it.
//!
//! Invariant: what is not acknowledged is sent again, as the same packet and marked so, once the
//! device is connected anew (MQTT-4.4.0-1, MQTT-3.3.1-1). The library keeps such packets, but does
//! not mark them, mixes their order, and forgets them when the gateway has no session; so that is
//! done here.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS, Request};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use weft_gateway::device::Token;

/// Messages of one device that wait for their acknowledgement, sent or not. The library numbers
/// packets up to twice that, so no number is needed again before it is free.
const UNACKNOWLEDGED_MAX: u16 = 32;

/// How long a device waits before it calls again.
const PAUSE: Duration = Duration::from_millis(200);

/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// What all devices do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Where the gateway listens.
    pub(super) port: u16,
    /// Messages of each device, one a second; and one more when those are acknowledged.
    pub(super) messages: u32,
    pub(super) start: Instant,
}

impl Plan {
    /// When message `number` of `device` is meant to be sent: devices are spread over a second.
    pub(super) fn due(&self, device: u32, number: u32) -> Instant {
        let part = Duration::from_micros(u64::from(device) * 7_919 % 1_000_000);
        self.start + part + Duration::from_secs(number.into())
    }
}

/// The name of a device.
pub(super) fn name(device: u32) -> String {
    format!("bench-{device}")
}

/// The stream that a device posts to, as the ledger has it.
pub(super) fn stream(device: u32) -> String {
    format!("{}/n", name(device))
}

/// What devices were told.
pub(super) struct Told {
    /// How many of its messages are acknowledged, by device: they are the first so many.
    pub(super) acknowledged: Vec<AtomicU32>,
    /// Connections that broke.
    pub(super) broken: AtomicU64,
    /// Acknowledgements out of order: MQTT-4.6.0-2.
    pub(super) disordered: AtomicU64,
    /// From when a message was meant to be sent to its acknowledgement, in microseconds.
    latencies: Mutex<Histogram<u64>>,
}

impl Told {
    pub(super) fn latencies(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acknowledge(&self, device: u32, plan: Plan) -> u32 {
        let Some(count) = self.acknowledged.get(device as usize) else { return 0 };
        let number = count.fetch_add(1, Ordering::Relaxed);
        if number < plan.messages {
            let late = Instant::now().saturating_duration_since(plan.due(device, number));
            let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            self.latencies().saturating_record(micros);
        }
        number + 1
    }
}

/// All devices.
pub(super) struct Fleet {
    told: Arc<Told>,
    tasks: JoinSet<()>,
}

impl Fleet {
    /// Starts a device for each token.
    ///
    /// # Panics
    /// Never: the bounds of the histogram are constants that fit.
    pub(super) fn start(tokens: Vec<Token>, plan: Plan) -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 us to 10 min");
        let told = Arc::new(Told {
            acknowledged: tokens.iter().map(|_| AtomicU32::new(0)).collect(),
            broken: AtomicU64::new(0),
            disordered: AtomicU64::new(0),
            latencies: Mutex::new(latencies),
        });
        let mut tasks = JoinSet::new();
        for (device, token) in (0..).zip(tokens) {
            tasks.spawn(run(device, token, plan, told.clone()));
        }
        Self { told, tasks }
    }

    /// Waits until all have sent what they have and heard that it is taken, or until it is time to
    /// end. May be dropped and asked again.
    pub(super) async fn ended(&mut self, until: Instant) -> Arc<Told> {
        while let Ok(Some(_)) = timeout_at(until, self.tasks.join_next()).await {}
        self.tasks.abort_all();
        self.told.clone()
    }
}

async fn run(device: u32, token: Token, plan: Plan, told: Arc<Told>) {
    let name = name(device);
    let mut options = MqttOptions::new(&name, "127.0.0.1", plan.port);
    options
        .set_credentials(&name, token.as_str())
        .set_inflight(2 * UNACKNOWLEDGED_MAX)
        .set_keep_alive(Duration::from_secs(60));
    let (client, events) = AsyncClient::new(options, UNACKNOWLEDGED_MAX.into());
    let (acknowledged, heard) = watch::channel(0);
    tokio::join!(
        publish(device, client, plan, heard),
        Link { device, plan, told, acknowledged, in_flight: VecDeque::new(), is_done: false }
            .follow(events),
    );
}

/// Hands over the messages, each when it is due, and the last when all others are acknowledged.
async fn publish(device: u32, client: AsyncClient, plan: Plan, mut heard: watch::Receiver<u32>) {
    let topic = format!("up/{}", stream(device));
    for number in 0..=plan.messages {
        let mut needed = number;
        if number < plan.messages {
            sleep_until(plan.due(device, number)).await;
            needed = (number + 1).saturating_sub(UNACKNOWLEDGED_MAX.into());
        }
        if heard.wait_for(|count| *count >= needed).await.is_err() {
            return;
        }
        let payload = number.to_string();
        if client.publish(&topic, QoS::AtLeastOnce, false, payload).await.is_err() {
            return;
        }
    }
}

/// What a device hears.
struct Link {
    device: u32,
    plan: Plan,
    told: Arc<Told>,
    acknowledged: watch::Sender<u32>,
    /// Packets of this connection that are not acknowledged.
    in_flight: VecDeque<u16>,
    /// Everything is acknowledged.
    is_done: bool,
}

impl Link {
    /// Follows the connection, and those after it, until everything is acknowledged.
    async fn follow(mut self, mut events: EventLoop) {
        let mut again = Vec::new();
        while !self.is_done {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => events.pending.extend(again.drain(..)),
                Ok(event) => self.hear(&event),
                Err(_) => {
                    // What came before the connection broke has not all come out yet.
                    mem::take(&mut events.state.events).iter().for_each(|event| self.hear(event));
                    // Counted once for each connection: those that did not come about hold nothing.
                    if !events.pending.is_empty() || !self.in_flight.is_empty() {
                        self.told.broken.fetch_add(1, Ordering::Relaxed);
                    }
                    self.in_flight.clear();
                    again.extend(events.pending.drain(..).map(marked));
                    again.sort_by_key(number);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::Outgoing(Outgoing::Publish(packet)) => self.in_flight.push_back(*packet),
            Event::Incoming(Packet::PubAck(ack)) => {
                if self.in_flight.pop_front() != Some(ack.pkid) {
                    self.told.disordered.fetch_add(1, Ordering::Relaxed);
                }
                let count = self.told.acknowledge(self.device, self.plan);
                self.acknowledged.send_replace(count);
                self.is_done = count > self.plan.messages;
            }
            _ => {}
        }
    }
}

/// The same request; a packet that was sent before says so.
fn marked(request: Request) -> Request {
    match request {
        Request::Publish(mut publish) if publish.pkid != 0 => {
            publish.dup = true;
            Request::Publish(publish)
        }
        other => other,
    }
}

/// The number of its message: they are sent again in their old order (MQTT-4.6.0-1), which the
/// library does not keep where a second connection breaks before all are.
fn number(request: &Request) -> Option<u32> {
    match request {
        Request::Publish(publish) => str::from_utf8(&publish.payload).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::Publish;

    use super::*;

    #[test]
    fn what_was_sent_before_says_so_and_what_was_not_does_not() {
        let request = |pkid| {
            let mut publish = Publish::new("up/a/n", QoS::AtLeastOnce, "1");
            publish.pkid = pkid;
            Request::Publish(publish)
        };
        let is_dup = |request| matches!(request, Request::Publish(Publish { dup: true, .. }));
        assert!(is_dup(marked(request(7))));
        assert!(!is_dup(marked(request(0))));
        assert_eq!(number(&request(7)), Some(1));
    }

    #[test]
    fn devices_are_spread_over_the_second_and_each_has_its_own_beat() {
        let plan = Plan { port: 1, messages: 3, start: Instant::now() };
        let second = Duration::from_secs(1);
        assert_eq!(plan.due(5, 2) - plan.due(5, 1), second);
        let mut parts: Vec<_> = (0..2_000).map(|device| plan.due(device, 0)).collect();
        assert!(parts.iter().all(|due| *due < plan.start + second));
        parts.sort();
        parts.dedup();
        assert_eq!(parts.len(), 2_000);
    }
}
