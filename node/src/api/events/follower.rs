//! One subscriber: reads the store until there is nothing new in it, then listens.

use std::{collections::VecDeque, pin::pin, sync::Arc};

use axum::response::sse::Event;
use futures_util::future;
use tokio::sync::{
    OwnedSemaphorePermit,
    broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    watch,
};
use weft_core::{
    machine::Archive,
    units::{CommitIndex, Position},
};

use super::{CommittedEvent, Filter, Kinds};
use crate::{
    api::{
        SharedApi,
        params::Cursor,
        query::stored_body,
        resume::{Resume, Shown},
        shapes::Reading,
    },
    feed::{Attachment, Reached},
    stop::Stop,
};

/// Log entries read at once while replaying: bounds what one subscriber holds in memory.
const REPLAY_PAGE: usize = 64;

pub(super) enum Phase {
    /// Reads the store until there is nothing new in it.
    Replay,
    /// Listens. `heard`: whether this subscriber has kept up since it began to.
    Live { heard: bool },
    /// Was told to resume elsewhere.
    Cut,
}

/// One subscriber.
pub(super) struct Follower {
    pub(super) api: SharedApi,
    pub(super) filter: Filter,
    pub(super) kinds: Kinds,
    pub(super) live: broadcast::Receiver<Arc<Attachment>>,
    pub(super) reached: watch::Receiver<Reached>,
    /// The first position that was not shown.
    pub(super) next: Position,
    /// How far commits were shown.
    pub(super) shown: Shown,
    /// The last commit that was told to be certified.
    pub(super) certified: CommitIndex,
    pub(super) phase: Phase,
    pub(super) ready: VecDeque<Event>,
    pub(super) stop: Stop,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` is the end of the stream.
    pub(super) async fn next_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.phase {
                _ if self.stop.is_told() => return None,
                Phase::Cut => return None,
                Phase::Replay => self.replay().await?,
                Phase::Live { heard } => self.listen(heard).await?,
            }
        }
    }

    /// How far this subscriber was told.
    fn resume(&self) -> Resume {
        let cursor = Cursor::newest(self.next);
        Resume { cursor, shown: self.kinds.shown(self.shown, self.certified) }
    }

    /// Reads one page from the store. A store that fails ends the stream.
    async fn replay(&mut self) -> Option<()> {
        let (filter, next, kind) = (self.filter, self.next, self.api.genesis.kind);
        let page = self.api.read(move |store| {
            let (entries, end) = match filter.stream {
                Some(stream) => {
                    let after = next.0.checked_sub(1).map(Position);
                    let entries = store.readings(&stream, after, REPLAY_PAGE);
                    let end = entries.len() < REPLAY_PAGE;
                    (entries, end)
                }
                None => {
                    let entries = store.log(next, REPLAY_PAGE);
                    let end = entries.len() < REPLAY_PAGE;
                    (entries, end)
                }
            };
            let last = entries.last().map(|entry| entry.position);
            let mut readings = Vec::new();
            for entry in entries {
                // Further attachments say nothing new; the index of streams leaves them out itself.
                let first = filter.stream.is_some()
                    || store.attachments(&entry.body).first() == Some(&entry.id);
                let sealed = if first { stored_body(store, &entry) } else { None };
                if let Some(sealed) = sealed
                    && filter.issuer.is_none_or(|issuer| issuer == sealed.body.issuer)
                {
                    readings.extend(Reading::stored(&entry, &sealed, kind));
                }
            }
            (readings, last, end)
        });
        let (readings, last, end) = page.await.ok()?;
        for reading in &readings {
            self.attached(reading);
        }
        if let Some(last) = last {
            self.next = Cursor::of(last).begin();
        }
        if end {
            self.phase = Phase::Live { heard: false };
        }
        Some(())
    }

    /// Takes what there is, else waits. What was attached goes before what was committed, so that
    /// is looked at first, and commits only as far as they had come before.
    async fn listen(&mut self, heard: bool) -> Option<()> {
        let reached = *self.reached.borrow_and_update();
        if self.kinds.attached {
            match self.live.try_recv() {
                Ok(attachment) => {
                    self.hear(&attachment);
                    return Some(());
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Lagged(_)) => {
                    self.lagged(heard);
                    return Some(());
                }
                Err(TryRecvError::Closed) => return None,
            }
        }
        if self.kinds.committed && reached.committed > self.shown.commit {
            return self.show_commit().await;
        }
        if self.kinds.certified && reached.certified > self.certified {
            self.certified = reached.certified;
            let event = Event::default().event("certified").id(self.resume().to_string());
            self.ready.push_back(event.data(format!("{{\"commit\":{}}}", self.certified)));
            return Some(());
        }
        let Self { live, reached, kinds, stop, .. } = self;
        let attached =
            async { if kinds.attached { live.recv().await } else { future::pending().await } };
        let finality = async {
            if kinds.of_finality() { reached.changed().await } else { future::pending().await }
        };
        let received = tokio::select! {
            biased;
            () = stop.told() => return None,
            received = pin!(attached) => Some(received),
            changed = pin!(finality) => changed.ok().map(|()| None)?,
        };
        match received {
            Some(Ok(attachment)) => self.hear(&attachment),
            Some(Err(RecvError::Lagged(_))) => self.lagged(heard),
            Some(Err(RecvError::Closed)) => return None,
            None => {}
        }
        Some(())
    }

    fn hear(&mut self, attachment: &Attachment) {
        self.phase = Phase::Live { heard: true };
        if attachment.position < self.next {
            return;
        }
        self.next = Cursor::of(attachment.position).begin();
        if self.wants(attachment)
            && let Some(reading) = Reading::live(attachment, self.api.genesis.kind)
        {
            self.attached(&reading);
        }
    }

    /// Whoever fell behind while the store was read reads on there; whoever falls behind later does
    /// not read what it is sent.
    fn lagged(&mut self, heard: bool) {
        if !heard {
            self.phase = Phase::Replay;
            return;
        }
        let data = format!("{{\"resume\":\"{}\"}}", self.resume());
        self.ready.push_back(Event::default().event("lagged").data(data));
        self.phase = Phase::Cut;
    }

    /// Texts and numbers are JSON without line breaks, so there always is an event.
    fn attached(&mut self, reading: &Reading) {
        let id = Resume { cursor: reading.cursor, ..self.resume() };
        let event = Event::default().event("attached").id(id.to_string()).json_data(reading);
        self.ready.extend(event.ok());
    }

    /// Shows what the next commit ordered. A store that fails ends the stream.
    async fn show_commit(&mut self) -> Option<()> {
        let (filter, from, kind) = (self.filter, self.shown, self.api.genesis.kind);
        // What was pruned is passed over: a subscriber that wants it asks an archive node.
        let lowest = self.api.status.borrow().lowest;
        let index = lowest.max(CommitIndex(from.commit.0.saturating_add(1)));
        let read = self.api.read(move |store| {
            let archive = Archive::new(store);
            let (record, leaves) = (archive.record(index)?, archive.leaves(index)?);
            let numbered = leaves.iter().zip(0_u32..).filter(|(_, number)| *number >= from.leaves);
            let wanted = numbered.filter_map(|(leaf, number)| {
                let sealed = filter.pass(store, leaf)?;
                Some(CommittedEvent::of(leaf, (index, number, record.time), sealed, kind))
            });
            Some(wanted.collect::<Vec<_>>())
        });
        let shown = read.await.ok()?.unwrap_or_default();
        let count = shown.len();
        for (at, event) in shown.iter().enumerate() {
            // The last one says that the commit is complete.
            let leaves = event.leaf.saturating_add(1);
            self.shown = if at + 1 == count {
                Shown::all_of(index)
            } else {
                Shown { commit: from.commit, leaves }
            };
            let sent = Event::default().event("committed").id(self.resume().to_string());
            self.ready.extend(sent.json_data(event).ok());
        }
        self.shown = Shown::all_of(index);
        Some(())
    }

    fn wants(&self, attachment: &Attachment) -> bool {
        let body = &attachment.tx.transaction().body;
        let Some(data) = body.payload.reading() else { return false };
        attachment.first_of_body
            && self.filter.stream.is_none_or(|stream| stream == data.stream.id())
            && self.filter.issuer.is_none_or(|issuer| issuer == body.issuer)
    }
}
