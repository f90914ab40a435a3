//! The task that owns a seller's machine: everything is heard here, one thing at a time.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use weft_core::market::{batch::Reading, terms::Unit};

use super::{
    Order, ShopEvent,
    ciphertexts::Ciphertexts,
    clerk::Clerk,
    heard::Heard,
    session::{self, Say, Session},
};
use crate::{
    drive::{
        clock,
        press::{Press, Pressed},
        scribe::Scribe,
    },
    seller::{Connection, Input, Out, Revenue, Seller, Send, Ticket, Write, Writes},
    shelf::{StoredChunk, write_items},
};

/// Things heard before what they led to is done: more share a sync and a packet.
const GROUP_MAX: usize = 256;

/// How long a closing shop waits for its last claims.
const FAREWELL: Duration = Duration::from_secs(30);

/// How long the machine may go without being asked what is due.
const IDLE: Duration = Duration::from_secs(60);

/// The owner of the machine.
pub(super) struct Keeper {
    pub(super) machine: Seller,
    pub(super) unit: Unit,
    pub(super) sessions: HashMap<Connection, Session>,
    pub(super) next_connection: u64,
    /// Payments whose batch of writes is not on disk yet, with the batch.
    pub(super) under_way: Vec<(Ticket, ShopEvent)>,
    pub(super) scribe: Scribe,
    pub(super) clerk: Clerk,
    pub(super) chunks: Arc<Ciphertexts>,
    pub(super) heard_in: mpsc::Sender<Heard>,
    pub(super) events: broadcast::Sender<ShopEvent>,
    /// Whom to tell once the last claim is through, and when to give up waiting for it.
    pub(super) stopping: Option<(oneshot::Sender<()>, Instant)>,
}

/// Runs the press and tells how it ends.
pub(super) async fn press(
    press: Press,
    left: Vec<StoredChunk>,
    readings: mpsc::Receiver<Reading>,
    out: mpsc::Sender<Pressed>,
    heard: mpsc::Sender<Heard>,
) {
    if let Err(error) = press.run(left, readings, out).await {
        let trouble = format!("nothing more is published: {error}");
        // Nobody hears it at the end.
        let _ = heard.send(Heard::Trouble(trouble)).await;
    }
}

impl Keeper {
    /// For those who tell it something.
    pub(super) fn heard(&self) -> mpsc::Sender<Heard> {
        self.heard_in.clone()
    }

    /// Works until it was stopped and is through, or its shop is dropped.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut heard: mpsc::Receiver<Heard>,
        mut pressed: mpsc::Receiver<Pressed>,
        pressing: JoinHandle<()>,
    ) {
        let mut out = Out::default();
        let mut is_pressing = true;
        self.machine.handle(clock::now(), Input::Tick, &mut out);
        loop {
            self.dispatch(std::mem::take(&mut out));
            if self.is_through() {
                break;
            }
            let due = pin!(sleep_until(self.due()));
            tokio::select! {
                Some(order) = orders.recv() => self.obey(order, &mut out),
                Some(first) = heard.recv() => {
                    self.hear(first, &mut out);
                    let more = std::iter::from_fn(|| heard.try_recv().ok());
                    more.take(GROUP_MAX).for_each(|next| self.hear(next, &mut out));
                }
                made = pressed.recv(), if is_pressing => match made {
                    Some(made) => self.take(made, &mut out),
                    None => is_pressing = false,
                },
                () = due => self.machine.handle(clock::now(), Input::Tick, &mut out),
            }
        }
        pressing.abort();
        if let Some((tell, _)) = self.stopping.take() {
            // Whoever asked may have gone.
            let _ = tell.send(());
        }
    }

    /// When to look up again, whatever happens.
    fn due(&self) -> Instant {
        let machine = self.machine.deadline().map(clock::until);
        let idle = Instant::now() + IDLE;
        let end = self.stopping.as_ref().map(|(_, end)| *end);
        [machine, end].into_iter().flatten().fold(idle, Instant::min)
    }

    fn is_through(&self) -> bool {
        let Some((_, end)) = &self.stopping else { return false };
        let is_claimed = |revenue: Revenue| {
            revenue.paid == 0
                || matches!(
                    (revenue.worth, revenue.claimed),
                    (Some(worth), Some(claimed)) if claimed >= worth
                )
        };
        *end <= Instant::now() || self.machine.revenue().all(is_claimed)
    }

    fn obey(&mut self, order: Order, out: &mut Out) {
        match order {
            Order::Serve(connection, guard) => {
                let number = Connection(self.next_connection);
                self.next_connection += 1;
                let (heard, chunks) = (self.heard_in.clone(), self.chunks.clone());
                tokio::spawn(session::serve(number, *connection, guard, heard, chunks));
            }
            Order::Claim(channel) => {
                self.machine.handle(clock::now(), Input::Claim { channel }, out);
            }
            Order::Revenue(tell) => {
                // Whoever asked may have gone.
                let _ = tell.send(self.machine.revenue().collect());
            }
            Order::Stop(tell) => {
                self.stopping = Some((tell, Instant::now() + FAREWELL));
                self.machine.handle(clock::now(), Input::Stop, out);
            }
        }
    }

    fn take(&mut self, made: Pressed, out: &mut Out) {
        match made {
            Pressed::Sealed(sealed) => self.chunks.add(sealed.batch.chunk, sealed.ciphertext),
            Pressed::Final(chunk) => {
                let (sequence, readings) = (chunk.batch.chunk, chunk.batch.count);
                let listed = chunk.listed(self.unit);
                self.machine.handle(clock::now(), Input::Published(listed), out);
                self.tell(ShopEvent::Published { sequence, readings, batch: chunk.body });
            }
            Pressed::Dropped(below) => {
                self.machine.handle(clock::now(), Input::Dropped { below }, out);
            }
        }
    }

    fn hear(&mut self, heard: Heard, out: &mut Out) {
        let now = clock::now();
        match heard {
            Heard::Up { number: connection, exporter, session } => {
                self.sessions.insert(connection, session);
                self.machine.handle(now, Input::Up { connection, exporter }, out);
            }
            Heard::Input(input) => {
                if let Input::Down { connection } = &input {
                    self.sessions.remove(connection);
                }
                self.machine.handle(now, input, out);
            }
            Heard::Written(ticket, Ok(())) => {
                let written = self.under_way.extract_if(.., |(of, _)| *of <= ticket);
                let told: Vec<_> = written.map(|(_, event)| event).collect();
                told.into_iter().for_each(|event| self.tell(event));
                self.machine.handle(now, Input::Synced { ticket }, out);
            }
            // Nothing is acknowledged from here on, and no key leaves: a restart reads what is
            // there.
            Heard::Written(_, Err(error)) => self.tell(ShopEvent::Trouble(error.to_string())),
            Heard::Channel { id, found, claimed } => {
                if let (Some(index), Some(found)) = (claimed, &found) {
                    let amount = found.channel.paid();
                    self.tell(ShopEvent::Claimed { channel: id, index, amount });
                }
                self.machine.handle(now, Input::Channel { id, found }, out);
            }
            Heard::Trouble(what) => self.tell(ShopEvent::Trouble(what)),
        }
    }

    /// Does what the machine wants, in the order it asks for.
    fn dispatch(&mut self, out: Out) {
        if let Some(Writes { ticket, items }) = out.writes {
            for item in &items {
                if let Write::Counter(counter) = item {
                    let (channel, index) = (counter.channel, counter.index);
                    self.under_way.push((ticket, ShopEvent::Paid { channel, index }));
                }
            }
            let (scribe, heard) = (self.scribe.clone(), self.heard_in.clone());
            tokio::spawn(async move {
                let written = scribe.write(write_items(&items)).await;
                // Nobody hears it at the end.
                let _ = heard.send(Heard::Written(ticket, written)).await;
            });
        }
        for frame in out.frames {
            let (to, what) = match frame {
                Send::Frame { to, frame } => (to, Say::Frame(frame)),
                Send::Chunk { to, sequence, ticks, end, batch } => {
                    (to, Say::Chunk { sequence, ticks, end, batch })
                }
                Send::Sample { to, sequence, batch, key } => {
                    (to, Say::Sample { sequence, batch, key })
                }
            };
            if let Some(session) = self.sessions.get(&to) {
                session.say(what);
            }
        }
        out.asks.into_iter().for_each(|ask| self.clerk.go(ask));
        for close in out.closes {
            if let Some(session) = self.sessions.remove(&close.connection) {
                session.say(Say::End(close.refusal));
            }
        }
    }

    fn tell(&self, event: ShopEvent) {
        if let ShopEvent::Trouble(what) = &event {
            tracing::warn!(%what, "a shop is in trouble");
        }
        // Nobody has to listen.
        let _ = self.events.send(event);
    }
}
