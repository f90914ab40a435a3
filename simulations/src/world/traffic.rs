//! What reached a party, or left it, counted by kind of message.

use std::collections::BTreeMap;

/// Frames and bytes of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub frames: u64,
    /// Their length on the wire, in bytes.
    pub bytes: u64,
}

/// What reached one party, or left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    kinds: BTreeMap<&'static str, Count>,
}

impl Traffic {
    pub(crate) fn add(&mut self, kind: &'static str, bytes: usize) {
        let count = self.kinds.entry(kind).or_default();
        count.frames += 1;
        count.bytes += bytes as u64;
    }

    /// By the name of the message.
    pub const fn kinds(&self) -> &BTreeMap<&'static str, Count> {
        &self.kinds
    }

    /// Of one kind of message.
    pub fn of(&self, kind: &str) -> Count {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// All of it.
    pub fn total(&self) -> Count {
        self.kinds.values().fold(Count::default(), |sum, count| Count {
            frames: sum.frames + count.frames,
            bytes: sum.bytes + count.bytes,
        })
    }

    /// What came to it since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let kinds = self.kinds.iter().map(|(kind, count)| {
            let before = earlier.of(kind);
            let since =
                Count { frames: count.frames - before.frames, bytes: count.bytes - before.bytes };
            (*kind, since)
        });
        Self { kinds: kinds.collect() }
    }
}
