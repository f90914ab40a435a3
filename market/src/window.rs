//! How far each side goes ahead of the other, in chunks.
//!
//! Begins at 1, doubles after so many rounds without a flaw, falls back to 1 with the first: trust
//! is earned slowly and lost at once, as TCP does with a path (RFC 5681).

/// Most chunks that one side goes ahead.
pub(crate) const WINDOW_MAX: usize = 16;

/// Rounds without a flaw after which the window doubles.
pub(crate) const CLEAN_ROUNDS: u32 = 16;

/// How many chunks one side goes ahead of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    size: usize,
    clean: u32,
}

impl Window {
    /// Of a session that begins.
    pub(crate) const fn new() -> Self {
        Self { size: 1, clean: 0 }
    }

    /// Chunks, 1 to [`WINDOW_MAX`].
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// A round ended well: sent, paid and keyed.
    pub(crate) fn round(&mut self) {
        self.clean += 1;
        if self.clean >= CLEAN_ROUNDS {
            self.clean = 0;
            self.size = (self.size * 2).min(WINDOW_MAX);
        }
    }

    /// Something went wrong.
    pub(crate) const fn flaw(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_slowly_and_lost_at_once() {
        let mut window = Window::new();
        let mut sizes = Vec::new();
        for _ in 0..6 * CLEAN_ROUNDS {
            sizes.push(window.size());
            window.round();
        }
        sizes.dedup();
        assert_eq!(sizes, [1, 2, 4, 8, WINDOW_MAX]);
        for _ in 1..CLEAN_ROUNDS {
            window.round();
        }
        window.flaw();
        for _ in 1..CLEAN_ROUNDS {
            window.round();
        }
        assert_eq!(window.size(), 1);
    }
}
