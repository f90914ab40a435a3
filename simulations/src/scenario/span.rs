//! Spans as people write them: `"250ms"`, `"20s"`, `"3min"`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use weft_core::time::Span;

/// A span of virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(Span);

impl Duration {
    /// So many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(Span::from_millis(ms))
    }

    /// The span.
    pub const fn span(self) -> Span {
        self.0
    }

    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0.as_millis() as f64 / 1_000.0
    }
}

/// Units, the longest name first, with their length in ms.
const UNITS: [(&str, u64); 3] = [("min", 60_000), ("ms", 1), ("s", 1_000)];

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = UNITS.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)));
        let count = found.and_then(|(count, ms)| Some((count.trim().parse::<u64>().ok()?, ms)));
        let ms = count.and_then(|(count, ms)| count.checked_mul(*ms));
        let refused = || format!("`{text}` is no span: write \"250ms\", \"20s\" or \"3min\"");
        ms.map(Self::from_millis).ok_or_else(refused)
    }
}

impl TryFrom<String> for Duration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms > 0 && ms.is_multiple_of(1_000) {
            write!(f, "{}s", ms / 1_000)
        } else {
            write!(f, "{ms}ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Duration>().map(|span| span.to_string());
        assert_eq!(read("250ms").unwrap(), "250ms");
        assert_eq!(read("2min").unwrap(), "120s");
        assert_eq!(read("1500 ms").unwrap(), "1500ms");
        for wrong in ["5", "s", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(read(wrong).unwrap_err().contains("is no span"), "{wrong}");
        }
    }
}
