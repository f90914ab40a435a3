//! How long a node keeps what is final, as people write it: `90s`, `2m`, `12h`, `30d`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use weft_core::time::Span;

/// A time to keep, by the ledger's time. At least ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    seconds: u64,
}

const SECONDS_MIN: u64 = 10;
const SECONDS_MAX: u64 = 100 * 365 * 24 * 3_600;

/// Units, the largest first, so that a time is shown in the largest that has no rest.
const UNITS: [(char, u64); 4] = [('d', 24 * 3_600), ('h', 3_600), ('m', 60), ('s', 1)];

/// Why a text is no time to keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time to keep; write a number and one of s, m, h, d, from 10s on: 30d")]
pub struct ParseRetentionError(String);

impl Retention {
    /// The same, for the machine.
    pub const fn span(self) -> Span {
        Span::from_secs(self.seconds)
    }
}

impl Default for Retention {
    /// Thirty days.
    fn default() -> Self {
        Self { seconds: 30 * 24 * 3_600 }
    }
}

impl FromStr for Retention {
    type Err = ParseRetentionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseRetentionError(text.to_owned());
        let unit = text.chars().last().ok_or_else(wrong)?;
        let (_, seconds) = UNITS.into_iter().find(|(sign, _)| *sign == unit).ok_or_else(wrong)?;
        let count: u64 =
            text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
        let seconds = count.checked_mul(seconds).ok_or_else(wrong)?;
        let fits = (SECONDS_MIN..=SECONDS_MAX).contains(&seconds);
        if fits { Ok(Self { seconds }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, unit): &(char, u64)| self.seconds.is_multiple_of(*unit);
        let (sign, unit) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
        write!(f, "{}{sign}", self.seconds / unit)
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Setting};

    #[test]
    fn times_read_as_people_write_them() {
        for text in ["10s", "90s", "2m", "12h", "30d", "36500d"] {
            let shown = text.parse::<Retention>().map(|time| time.to_string());
            assert_eq!(shown.as_deref(), Ok(text));
        }
        let in_another_unit = "120s".parse::<Retention>().map(|time| time.to_string());
        assert_eq!(in_another_unit.as_deref(), Ok("2m"));
        assert_eq!("2m".parse::<Retention>().map(Retention::span), Ok(Span::from_secs(120)));
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        for text in [
            "",
            "d",
            "30",
            "9s",
            "0d",
            "-1d",
            "1.5h",
            "1w",
            "30dd",
            "36501d",
            "99999999999999999999d",
        ] {
            let error = text.parse::<Retention>().map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.ends_with("from 10s on: 30d")), "{text}");
        }
    }

    #[test]
    fn every_layer_can_say_what_is_kept() {
        let named = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let environment = named(&[("WEFT_NODE__ARCHIVE", "true"), ("WEFT_NODE__RETENTION", "2m")]);
        let config = Config::load(None, environment, &[]).unwrap();
        assert!(config.node.archive);
        assert_eq!(config.node.retention.to_string(), "2m");
        let given = [Setting::new("node.archive", "perhaps")];
        let error = Config::load(None, [], &given).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.ends_with("is neither true nor false")));
    }
}
