//! Group commit: one sync serves all that came in while the one before was on its way.
//!
//! In: batches, from any number of tasks. Out: for each, when it is on the disk. Invariant: what is
//! acknowledged is synced, and batches reach the disk in the order in which they came. At most one
//! sync is on its way, and what waits behind it is bounded in count.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use crate::shelf::{Batch, Shelf, ShelfError};

/// Batches that wait for the disk; whoever brings a further one waits to be taken.
const WAITING_MAX: usize = 4_096;

/// Writes batches to a shelf, many with one sync. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scribe {
    orders: mpsc::Sender<Order>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Order {
    batch: Batch,
    done: oneshot::Sender<Result<(), String>>,
}

#[derive(Debug, Default)]
struct Counts {
    batches: AtomicU64,
    syncs: AtomicU64,
}

impl Scribe {
    /// Writes to `shelf` until the last clone is dropped.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(shelf: Arc<dyn Shelf>) -> Self {
        let (orders, taken) = mpsc::channel(WAITING_MAX);
        let counts = Arc::<Counts>::default();
        tokio::spawn(write_all(shelf, taken, counts.clone()));
        Self { orders, counts }
    }

    /// Returns once `batch` is on the disk.
    pub async fn write(&self, batch: Batch) -> Result<(), ShelfError> {
        if batch.is_empty() {
            return Ok(());
        }
        let stopped = |cause: String| ShelfError::Stopped { cause };
        let (done, told) = oneshot::channel();
        let gone = || stopped("the program is going down".to_owned());
        self.orders.send(Order { batch, done }).await.map_err(|_| gone())?;
        told.await.map_err(|_| gone())?.map_err(stopped)
    }

    /// How many batches were written so far, and with how many syncs.
    pub fn counts(&self) -> (u64, u64) {
        let Counts { batches, syncs } = &*self.counts;
        (batches.load(Ordering::Relaxed), syncs.load(Ordering::Relaxed))
    }
}

async fn write_all(shelf: Arc<dyn Shelf>, mut taken: mpsc::Receiver<Order>, counts: Arc<Counts>) {
    let mut orders = Vec::new();
    while taken.recv_many(&mut orders, WAITING_MAX).await > 0 {
        let mut batch = Batch::default();
        let mut waiting = Vec::with_capacity(orders.len());
        for order in orders.drain(..) {
            batch.extend(order.batch);
            waiting.push(order.done);
        }
        let (to, batches) = (shelf.clone(), waiting.len());
        let written = spawn_blocking(move || to.write(&batch)).await;
        let written = match written {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("the program is going down".to_owned()),
        };
        counts.batches.fetch_add(batches as u64, Ordering::Relaxed);
        counts.syncs.fetch_add(1, Ordering::Relaxed);
        for done in waiting {
            // Whoever asked may have gone.
            let _ = done.send(written.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use bytes::Bytes;
    use tokio::sync::Notify;

    use super::*;
    use crate::shelf::{MemoryShelf, Table};

    /// A shelf whose writes wait until they are let through.
    #[derive(Default)]
    struct Slow {
        inner: MemoryShelf,
        open: Mutex<bool>,
        opened: Condvar,
        entered: Notify,
    }

    impl Shelf for Slow {
        fn write(&self, batch: &Batch) -> Result<(), ShelfError> {
            self.entered.notify_one();
            let open = self.open.lock().unwrap();
            drop(self.opened.wait_while(open, |open| !*open).unwrap());
            self.inner.write(batch)
        }

        fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ShelfError> {
            self.inner.read(table, key)
        }

        fn list(
            &self,
            table: Table,
            from: &[u8],
            limit: usize,
        ) -> Result<Vec<(Vec<u8>, Bytes)>, ShelfError> {
            self.inner.list(table, from, limit)
        }
    }

    fn one(value: u8) -> Batch {
        let mut batch = Batch::default();
        batch.put(Table::Counter, b"k", vec![value]);
        batch
    }

    #[tokio::test]
    async fn what_comes_while_the_disk_is_busy_shares_one_sync() {
        let shelf = Arc::new(Slow::default());
        let scribe = Scribe::start(shelf.clone());
        let write = |value| {
            let scribe = scribe.clone();
            tokio::spawn(async move { scribe.write(one(value)).await })
        };
        let mut writes = vec![write(0)];
        shelf.entered.notified().await;
        // The disk is busy with the first; all others come before it is done.
        writes.extend((1..100).map(write));
        while scribe.orders.capacity() > WAITING_MAX - 99 {
            tokio::task::yield_now().await;
        }
        assert_eq!(shelf.read(Table::Counter, b"k").unwrap(), None);
        *shelf.open.lock().unwrap() = true;
        shelf.opened.notify_all();
        for write in writes {
            write.await.unwrap().unwrap();
        }
        assert_eq!(scribe.counts(), (100, 2), "the first alone, the rest together");
        assert_eq!(shelf.read(Table::Counter, b"k").unwrap().unwrap(), [99][..], "in order");
    }

    #[tokio::test]
    async fn a_failed_write_is_told_to_everyone_who_waits() {
        struct Broken;
        impl Shelf for Broken {
            fn write(&self, _: &Batch) -> Result<(), ShelfError> {
                Err(ShelfError::Stopped { cause: "no space".into() })
            }

            fn read(&self, _: Table, _: &[u8]) -> Result<Option<Bytes>, ShelfError> {
                Ok(None)
            }

            fn list(
                &self,
                _: Table,
                _: &[u8],
                _: usize,
            ) -> Result<Vec<(Vec<u8>, Bytes)>, ShelfError> {
                Ok(Vec::new())
            }
        }
        let scribe = Scribe::start(Arc::new(Broken));
        let error = scribe.write(one(1)).await.unwrap_err().to_string();
        assert!(error.contains("no space"), "{error}");
    }
}
