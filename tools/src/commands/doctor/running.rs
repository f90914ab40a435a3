//! Looks at a node that runs: reached, ready, in company, on time.

use std::time::{SystemTime, UNIX_EPOCH};

use weft_client::host::{Finality, NodeClient};

use super::Finding;
use crate::failure::Failure;

/// How far the clocks may be apart before it matters: a reading's time is for people.
const CLOCK_APART_MS: u64 = 2_000;

pub(super) async fn look(node: &NodeClient) -> Vec<Finding> {
    let status = match node.status().await {
        Ok(status) => status,
        Err(error) => return vec![Finding::failure("node", &Failure::from(error))],
    };
    let (id, version, label) = (short(&status.node), &status.version, &status.label);
    let seconds = status.uptime_ms / 1_000;
    let detail = format!("{id} at {}, version {version}, {label:?}, up {seconds} s", node.url());
    let mut findings = vec![Finding::fine("node", detail), version_of(version)];
    findings.extend(readiness(node).await);
    findings.push(lost(&status.more));
    findings.push(clock(node).await);
    findings.extend(committee_clock(&status.finality));
    findings
}

/// The first digits of an id: enough to tell nodes apart by eye.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn version_of(theirs: &str) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if theirs == ours {
        return Finding::fine("version", format!("both {ours}"));
    }
    let detail = format!("the node runs {theirs}, this program is {ours}");
    Finding::wrong("version", detail, "use the same version of both, so that they agree")
}

/// What the node says of itself, in its own words.
async fn readiness(node: &NodeClient) -> Vec<Finding> {
    let readiness = match node.readiness().await {
        Ok(readiness) => readiness,
        Err(error) => return vec![Finding::failure("ready", &Failure::from(error))],
    };
    let findings = readiness.checks.into_iter().map(|check| {
        let detail = check.detail.unwrap_or_default();
        let name = match check.name.as_str() {
            "store" => "store",
            "machine" => "machine",
            "peers" => "peers",
            "sync" => "sync",
            "finality" => "finality",
            "validator" => "validator",
            _ => "other",
        };
        if check.ok {
            return Finding::fine(name, detail);
        }
        // The node puts the next step behind a semicolon.
        match detail.split_once("; ") {
            Some((cause, next)) => Finding::wrong(name, cause, next),
            None => Finding::wrong(name, detail, "look at the node's log"),
        }
    });
    findings.collect()
}

/// A disk that forgets what it said was written.
fn lost(more: &serde_json::Map<String, serde_json::Value>) -> Finding {
    let lost = more.get("store").and_then(|store| store.get("lost"));
    match lost.and_then(serde_json::Value::as_u64).unwrap_or(0) {
        0 => Finding::fine("disk", "kept everything it was given"),
        lost => Finding::wrong(
            "disk",
            format!("it had forgotten {lost} transactions at the last start"),
            "look at its cache settings and its health; peers gave the node back what it lost",
        ),
    }
}

async fn clock(node: &NodeClient) -> Finding {
    let theirs = match node.clock().await {
        Ok(Some(theirs)) => theirs.as_millis(),
        Ok(None) => return Finding::fine("clock", "the node does not tell its time"),
        Err(error) => return Finding::failure("clock", &Failure::from(error)),
    };
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ours = u64::try_from(ours.as_millis()).unwrap_or(u64::MAX);
    // The node's is cut to the second, so up to one more lies between.
    let apart = if ours > theirs { (ours - theirs).saturating_sub(1_000) } else { theirs - ours };
    if apart <= CLOCK_APART_MS {
        return Finding::fine("clock", "the node's and this machine's agree");
    }
    let detail = format!("the node's and this machine's are about {} s apart", apart / 1_000);
    Finding::wrong("clock", detail, "set both by NTP; readings carry the time of who posts them")
}

/// Whether the node's clock stands behind the committee's, which is the middle of the validators'.
/// A commit is made after its time, so to have made one before it is to have a clock that is wrong.
/// The other way round says nothing: a node that catches up, or has just started, is late too.
fn committee_clock(Finality { committed, time, made_at, .. }: &Finality) -> Option<Finding> {
    let behind = time.saturating_sub(*made_at);
    if *committed == 0 {
        return None;
    }
    if behind > CLOCK_APART_MS {
        let detail = format!("the node's clock is {} s behind the committee's", behind / 1_000);
        return Some(Finding::wrong("committee", detail, "set the node's clock by NTP"));
    }
    Some(Finding::fine("committee", "the node's clock is not behind the committee's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_not_the_committees_is_a_trouble() {
        let at = |committed, time, made_at| {
            let finality = Finality { committed, time, made_at, ..Finality::default() };
            committee_clock(&finality).map(|finding| finding.ok)
        };
        assert_eq!(at(0, 0, 50_000), None);
        assert_eq!(at(7, 50_000, 50_300), Some(true));
        assert_eq!(at(7, 50_000, 49_000), Some(true));
        assert_eq!(at(7, 50_000, 47_000), Some(false));
        assert_eq!(at(7, 50_000, 90_000), Some(true), "it was away");
    }

    #[test]
    fn a_disk_that_forgets_is_a_trouble() {
        let more = |lost: u64| {
            serde_json::json!({ "store": { "lost": lost } }).as_object().cloned().unwrap()
        };
        assert!(lost(&more(0)).ok && lost(&serde_json::Map::new()).ok);
        assert!(!lost(&more(3)).ok);
        assert_eq!(short("0123456789"), "01234567");
    }
}
