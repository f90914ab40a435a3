//! Times for people, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A span in milliseconds.
pub(crate) fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The time of day.
pub(crate) fn clock(time_ms: u64) -> String {
    let day = time_ms % 86_400_000;
    let (seconds, millis) = (day / 1_000, day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{millis:03}")
}

/// Date and time of day: `2026-11-26 09:02:03.045 UTC`.
pub(crate) fn date(time_ms: u64) -> String {
    // Howard Hinnant's days to civil: years begin in March, so that the leap day is the last.
    let days = time_ms / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {} UTC", clock(time_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_utc() {
        assert_eq!(clock(0), "00:00:00.000");
        assert_eq!(clock(1_794_819_723_045), "09:02:03.045");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(date(951_782_400_000), "2000-02-29 00:00:00.000 UTC");
        assert_eq!(date(1_794_819_723_045), "2026-11-16 09:02:03.045 UTC");
    }
}
