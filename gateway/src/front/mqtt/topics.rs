//! Topics: what a device may publish and subscribe to, and which filter takes which topic
//! (MQTT 5.0 section 4.7).

use crate::device::DeviceName;

/// The stream that `topic` is, if `device` may publish to it: what stands behind `up/{device}/`.
pub(super) fn stream<'a>(device: &DeviceName, topic: &'a str) -> Option<&'a str> {
    let rest = topic.strip_prefix("up/")?.strip_prefix(device.as_str())?.strip_prefix('/')?;
    let is_plain = !rest.is_empty() && !rest.contains(['+', '#', '\0']);
    is_plain.then_some(rest)
}

/// Whether `device` may subscribe to `filter`: one below `dn/{device}/` without a wildcard before.
pub(super) fn may_subscribe(device: &DeviceName, filter: &str) -> bool {
    let rest = filter.strip_prefix("dn/").and_then(|rest| rest.strip_prefix(device.as_str()));
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix('/')) else { return false };
    is_filter(rest)
}

/// Wildcards stand alone in their level, and `#` in the last one.
fn is_filter(filter: &str) -> bool {
    let count = filter.split('/').count();
    !filter.is_empty()
        && filter.split('/').enumerate().all(|(at, level)| match level {
            "#" => at + 1 == count,
            "+" => true,
            other => !other.contains(['+', '#', '\0']),
        })
}

/// Whether `filter` takes `topic`.
pub(super) fn takes(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_publishes_below_its_own_name_alone() {
        let device: DeviceName = "thermo-1".parse().unwrap();
        assert_eq!(stream(&device, "up/thermo-1/temp"), Some("temp"));
        assert_eq!(stream(&device, "up/thermo-1/a/b"), Some("a/b"));
        for topic in [
            "up/thermo-1",
            "up/thermo-1/",
            "up/thermo-10/temp",
            "up/thermo-2/temp",
            "dn/thermo-1/temp",
            "up/+/temp",
            "up/thermo-1/#",
            "UP/thermo-1/temp",
            "/up/thermo-1/t",
        ] {
            assert_eq!(stream(&device, topic), None, "{topic}");
        }
    }

    #[test]
    fn a_device_hears_below_its_own_name_alone() {
        let device: DeviceName = "a".parse().unwrap();
        for filter in ["dn/a/#", "dn/a/rcpt", "dn/a/+", "dn/a/+/x"] {
            assert!(may_subscribe(&device, filter), "{filter}");
        }
        for filter in [
            "#",
            "dn/#",
            "dn/+/rcpt",
            "+/a/rcpt",
            "dn/b/rcpt",
            "dn/ab/#",
            "dn/a",
            "dn/a/",
            "dn/a/#/x",
            "dn/a/x#",
            "up/a/#",
            "$SYS/#",
            "$share/g/dn/a/rcpt",
        ] {
            assert!(!may_subscribe(&device, filter), "{filter}");
        }
    }

    #[test]
    fn filters_take_what_the_standard_says() {
        for (filter, topic, expected) in [
            ("dn/a/#", "dn/a/rcpt", true),
            ("dn/a/#", "dn/a", true),
            ("dn/a/+", "dn/a/rcpt", true),
            ("dn/a/+", "dn/a/b/c", false),
            ("dn/a/rcpt", "dn/a/rcpt", true),
            ("dn/a/rcpt", "dn/a/cfg", false),
            ("dn/a/rcpt/x", "dn/a/rcpt", false),
        ] {
            assert_eq!(takes(filter, topic), expected, "{filter} {topic}");
        }
    }
}
