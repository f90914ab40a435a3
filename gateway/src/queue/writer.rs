//! The one writer of what comes in: repeats, quotas and bounds in one place, one sync for many.
//!
//! A thread of its own, because it waits for the disk. What came while it waited is the next group.
//!
//! Invariant: an answer goes out after the sync that holds its message, and messages of one sender
//! are numbered in the order in which they were handed over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, mpsc, oneshot};
use weft_core::time::Time;

use super::{
    Backlog, Content, Entry, Store, StoreError,
    store::{Changes, Known, Usage},
};
use crate::{
    clock::Clock,
    device::{Device, DeviceName},
    receipt::{MqttFront, Receipt, Stage},
    upload::{Accepted, Delivery, MessageId, Refusal},
};

/// Messages that share one sync. Many, for a disk that others use too may take a second for one.
const GROUP_MAX: usize = 2_048;

/// How long to wait where the queue is full.
const FULL_PAUSE: Duration = Duration::from_secs(10);

const DAY_MS: u64 = 86_400_000;

/// What the disk, or what stands before it, says to a message.
pub(crate) type Said = Result<Accepted, Refusal>;

/// A message on its way to the disk.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) device: DeviceName,
    pub(crate) settings: Arc<Device>,
    pub(crate) content: Content,
    /// What the quota counts.
    pub(crate) payload_bytes: u64,
    pub(crate) delivery: Delivery,
    pub(crate) answer: oneshot::Sender<Said>,
}

/// The state of the writer.
pub(crate) struct Writer {
    store: Arc<Store>,
    backlog: Arc<Mutex<Backlog>>,
    /// Rung when something waits that did not.
    bell: Arc<Notify>,
    front: Arc<dyn MqttFront>,
    clock: Clock,
    next_id: u64,
    next_name: u64,
}

/// What a group has changed and the disk does not have yet.
#[derive(Default)]
struct Group {
    entries: Vec<(Entry, bool)>,
    bytes: u64,
    usage: HashMap<DeviceName, Usage>,
    names: HashMap<[u8; 32], Known>,
    answers: Vec<(oneshot::Sender<Said>, Said)>,
}

impl Writer {
    pub(crate) fn new(
        store: Arc<Store>,
        backlog: Arc<Mutex<Backlog>>,
        bell: Arc<Notify>,
        front: Arc<dyn MqttFront>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let (next_id, next_name) = (store.next_id()?, store.next_name()?);
        Ok(Self { store, backlog, bell, front, clock, next_id, next_name })
    }

    /// Writes until nobody can hand over any more.
    pub(crate) fn run(mut self, mut incoming: mpsc::Receiver<Incoming>) {
        while let Some(first) = incoming.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && let Ok(next) = incoming.try_recv()
            {
                group.push(next);
            }
            self.write(group);
        }
    }

    fn write(&mut self, incoming: Vec<Incoming>) {
        let store = self.store.clone();
        let (mut changes, mut group) = (store.change(), Group::default());
        let now = self.clock.now();
        for message in incoming {
            let Incoming { device, settings, content, payload_bytes, delivery, answer } = message;
            let entry = Entry { id: MessageId(self.next_id), device, received: now, content };
            let said =
                self.take(entry, &settings, payload_bytes, delivery, &mut group, &mut changes);
            group.answers.push((answer, said));
        }
        for (device, usage) in &group.usage {
            changes.set_usage(device, *usage);
        }
        let written = changes.commit(None);
        if let Err(error) = &written {
            tracing::error!(%error, "messages are refused: the queue cannot be written");
        } else {
            // Before anybody can tell the next stage.
            group.entries.iter().for_each(|(entry, _)| self.tell(entry));
            let mut backlog = self.backlog();
            for (entry, is_batched) in &group.entries {
                backlog.add(entry, *is_batched);
            }
            drop(backlog);
            self.bell.notify_one();
        }
        for (answer, said) in group.answers {
            let said = if written.is_ok() { said } else { Err(Refusal::Storage) };
            // Whoever sent it may have gone; it is here all the same.
            let _ = answer.send(said);
        }
    }

    fn tell(&self, entry: &Entry) {
        let (device, messages) = (entry.device.clone(), vec![entry.id]);
        let receipt = Receipt { device, messages, stage: Stage::Accepted };
        self.front.deliver(&receipt.device, &receipt.topic(), receipt.to_json().into());
    }

    /// Judges one message, in the order: repeat, quota, room.
    fn take(
        &mut self,
        entry: Entry,
        settings: &Device,
        payload_bytes: u64,
        delivery: Delivery,
        group: &mut Group,
        changes: &mut Changes<'_>,
    ) -> Result<Accepted, Refusal> {
        let at = entry.received;
        if let Some(id) = self.repeat(delivery, at, group)? {
            return Ok(Accepted { id, is_repeat: true, at });
        }
        let usage = self.usage(&entry.device, at, group)?;
        let usage = charged(&entry.device, usage, settings, payload_bytes, at)?;
        let work = self.store.work(&entry.device, at.as_millis() / DAY_MS);
        if work.map_err(|_| Refusal::Storage)? >= settings.quota.work_per_day {
            return Err(over(&entry.device, "work", at));
        }
        let bytes = group.bytes + entry.bytes();
        if !self.backlog().has_room(group.entries.len() + 1, bytes) {
            return Err(Refusal::Full { retry_after: FULL_PAUSE });
        }
        let id = entry.id;
        changes.append(&entry);
        if let Some(name) = name(delivery) {
            let known = Known { id, at_ms: at.as_millis() };
            changes.remember(self.next_name, &name, known);
            group.names.insert(name, known);
            self.next_name += 1;
        }
        self.next_id += 1;
        group.usage.insert(entry.device.clone(), usage);
        group.bytes = bytes;
        group.entries.push((entry, settings.batch));
        Ok(Accepted { id, is_repeat: false, at })
    }

    /// The message that this delivery brought before, if it did.
    fn repeat(
        &self,
        delivery: Delivery,
        now: Time,
        group: &Group,
    ) -> Result<Option<MessageId>, Refusal> {
        let Some(name) = name(delivery) else { return Ok(None) };
        let known = match group.names.get(&name) {
            Some(known) => Some(*known),
            None => self.store.known(&name).map_err(|_| Refusal::Storage)?,
        };
        let is_repeat = |known: &Known| match delivery {
            Delivery::Unnamed => false,
            Delivery::Once(_) => true,
            Delivery::Marked { is_resent, .. } => is_resent,
            Delivery::Within(_, span) => {
                u128::from(now.as_millis().saturating_sub(known.at_ms)) < span.as_millis()
            }
        };
        Ok(known.filter(is_repeat).map(|known| known.id))
    }

    fn usage(&self, device: &DeviceName, now: Time, group: &Group) -> Result<Usage, Refusal> {
        let usage = match group.usage.get(device) {
            Some(usage) => *usage,
            None => self.store.usage(device).map_err(|_| Refusal::Storage)?,
        };
        Ok(usage.on(now.as_millis() / DAY_MS))
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn name(delivery: Delivery) -> Option<[u8; 32]> {
    match delivery {
        Delivery::Unnamed => None,
        Delivery::Once(name) | Delivery::Marked { name, .. } | Delivery::Within(name, _) => {
            Some(name)
        }
    }
}

/// The usage with one more message, if the quota has that.
fn charged(
    device: &DeviceName,
    usage: Usage,
    settings: &Device,
    payload_bytes: u64,
    now: Time,
) -> Result<Usage, Refusal> {
    let quota = settings.quota;
    let messages = usage.messages.saturating_add(1);
    let bytes = usage.bytes.saturating_add(payload_bytes);
    if messages > quota.messages_per_day {
        return Err(over(device, "messages", now));
    }
    if bytes > quota.bytes_per_day {
        return Err(over(device, "bytes", now));
    }
    Ok(Usage { messages, bytes, ..usage })
}

fn over(device: &DeviceName, what: &'static str, now: Time) -> Refusal {
    let retry_after = Duration::from_millis(DAY_MS - now.as_millis() % DAY_MS);
    Refusal::Quota { device: device.clone(), what, retry_after }
}
