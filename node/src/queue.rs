//! The queue in front of the machine: bounded in count and in bytes, taken a group at a time.
//!
//! When it is full whoever puts in waits, so the checks stop, the network stops reading and peers
//! have to wait. Invariant: what was put in before the queue was closed is taken out.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A bounded queue between two threads.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    room: Condvar,
    filled: Condvar,
    count_max: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
}

/// The queue takes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl<T> Queue<T> {
    /// An empty queue.
    pub(crate) fn new(count_max: usize, bytes_max: usize) -> Self {
        let inner = Inner { items: VecDeque::new(), bytes: 0, closed: false };
        Self {
            inner: Mutex::new(inner),
            room: Condvar::new(),
            filled: Condvar::new(),
            count_max,
            bytes_max,
        }
    }

    /// Puts in items, each with the bytes that it holds, about; waits for room. An empty queue
    /// takes any item. Whoever takes is woken once for all that there is room for.
    pub(crate) fn put(&self, items: impl IntoIterator<Item = (T, usize)>) -> Result<(), Closed> {
        let mut inner = self.lock();
        for (item, bytes) in items {
            let full = |inner: &mut Inner<T>| {
                let over = inner.bytes.saturating_add(bytes) > self.bytes_max;
                !inner.closed
                    && !inner.items.is_empty()
                    && (over || inner.items.len() >= self.count_max)
            };
            if full(&mut inner) {
                self.filled.notify_one();
                inner = self.room.wait_while(inner, full).unwrap_or_else(PoisonError::into_inner);
            }
            if inner.closed {
                return Err(Closed);
            }
            inner.bytes += bytes;
            inner.items.push_back((item, bytes));
        }
        let is_filled = !inner.items.is_empty();
        drop(inner);
        if is_filled {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for an item, at most for `wait`, then takes up to `max` of what is there: nothing if
    /// the time is over. [`Closed`] once the queue is closed and empty.
    pub(crate) fn take(&self, max: usize, wait: Option<Duration>) -> Result<Vec<T>, Closed> {
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut inner = self.lock();
        while inner.items.is_empty() && !inner.closed {
            inner = match deadline {
                None => self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(Vec::new());
                    }
                    let waited = self.filled.wait_timeout(inner, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        if inner.items.is_empty() {
            return Err(Closed);
        }
        let count = inner.items.len().min(max.max(1));
        let taken: Vec<(T, usize)> = inner.items.drain(..count).collect();
        inner.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
        drop(inner);
        self.room.notify_all();
        Ok(taken.into_iter().map(|(item, _)| item).collect())
    }

    /// Takes nothing more in. What is inside can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        self.filled.notify_all();
    }

    /// Items inside.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn comes_out_in_order_and_in_groups() {
        let queue = Queue::new(10, 1_000);
        queue.put((0..5).map(|n| (n, 1))).unwrap();
        assert_eq!(queue.take(3, None), Ok([0, 1, 2].into()));
        assert_eq!(queue.take(3, None), Ok([3, 4].into()));
        assert_eq!(queue.take(3, Some(Duration::ZERO)), Ok([].into()));
    }

    #[test]
    fn whoever_puts_into_a_full_queue_waits() {
        for (count_max, bytes_max) in [(2, 1_000), (1_000, 2)] {
            let queue = Queue::new(count_max, bytes_max);
            thread::scope(|scope| {
                scope.spawn(|| queue.put((0..100).map(|n| (n, 1))).unwrap());
                let mut next = 0;
                while next < 100 {
                    let taken = queue.take(50, None).unwrap();
                    assert!(taken.len() <= 2);
                    taken.into_iter().for_each(|n| {
                        assert_eq!(n, next);
                        next += 1;
                    });
                }
            });
        }
    }

    #[test]
    fn an_item_larger_than_the_queue_passes_alone() {
        let queue = Queue::new(10, 100);
        queue.put([('a', 1_000)]).unwrap();
        assert_eq!(queue.take(10, None), Ok(['a'].into()));
    }

    #[test]
    fn closing_wakes_both_ends_and_loses_nothing() {
        let queue = Queue::new(1, 100);
        queue.put([(1, 1)]).unwrap();
        thread::scope(|scope| {
            let waits = scope.spawn(|| queue.put([(2, 1)]));
            queue.close();
            assert_eq!(waits.join().unwrap(), Err(Closed));
        });
        assert_eq!(queue.take(10, None), Ok([1].into()));
        assert_eq!(queue.take(10, None), Err(Closed));
    }
}
