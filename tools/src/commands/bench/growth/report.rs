//! What growth came to, for people and for programs.

use serde_json::{Value, json};
use weft_core::{
    keys::Scheme,
    tx::{Attachment, ContentType, Head, Reading, seal_bytes},
};

use super::look::{Empty, Look, Stretch};
use crate::commands::bench::{
    bound::STAGES,
    issuers::STREAM,
    report::{by_name, hundredths, split, tenths},
    usage::GROUPS,
};

const MIB: f64 = 1024.0 * 1024.0;

/// One size, as a value. What is a `ratio` has its bound beside it, of the same run.
pub(super) fn growth(stored: usize, look: &Look, empty: &Empty) -> Value {
    let Stretch { count, before, after, bound } = &look.stretch;
    let node_us = after.cpu_us(before, *count);
    let group = |at: usize| after.group_us(before, at, *count);
    let stage = |at: usize| bound.0.get(at).copied().unwrap_or_default();
    let (read, answer) = (look.reads.us(0.5), look.answers.us(0.5));
    let of = |bytes: u64| bytes as f64 / stored as f64;
    let ms = |time: std::time::Duration| tenths(time.as_secs_f64() * 1e3);
    let ratio = |figure: f64, bound: f64| hundredths(figure / bound.max(f64::MIN_POSITIVE));
    json!({
        "event": "growth", "stored": stored,
        "cpu": {
            "readings": count,
            "node_us": tenths(node_us), "node_split_us": by_name(&GROUPS, group),
            "bound_us": tenths(bound.sum()), "bound_split_us": by_name(&STAGES, stage),
            "ratio": ratio(node_us, bound.sum()),
        },
        "memory": {
            "mib": tenths(look.usage.memory_bytes as f64 / MIB),
            "empty_mib": tenths(empty.memory_bytes as f64 / MIB),
            "ratio": ratio(look.usage.memory_bytes as f64, empty.memory_bytes as f64),
        },
        "disk": {
            "bytes_each": of(look.disk_bytes).round(), "sent_each": of(look.stored_bytes).round(),
            "ratio": ratio(look.disk_bytes as f64, look.stored_bytes as f64),
        },
        "written": {
            "mib": tenths(look.usage.written_bytes as f64 / MIB),
            "sent_mib": tenths(look.taken_bytes as f64 / MIB),
            "ratio": ratio(look.usage.written_bytes as f64, look.taken_bytes as f64),
        },
        "read": {
            "count": look.reads.count(), "p50_us": read,
            "p99_us": look.reads.us(0.99),
            "bare_p50_us": answer, "bare_p99_us": look.answers.us(0.99),
            "ratio": ratio(read as f64, answer as f64),
        },
        "start": {
            "ms": ms(look.start), "empty_ms": ms(empty.start),
            "ratio": ratio(look.start.as_secs_f64(), empty.start.as_secs_f64()),
        },
        "idle": { "percent_of_a_core": hundredths(look.idle * 100.0) },
    })
}

/// For people, whichever of the two it is.
pub(in super::super) fn text(value: &Value) -> String {
    if value["event"] == "seals" { seals_text(value) } else { growth_text(value) }
}

fn growth_text(value: &Value) -> String {
    let part = |path: &str| value.pointer(path).unwrap_or(&Value::Null);
    let at = |path: &str| part(path).to_string();
    format!(
        "at {} stored\n\
         cpu      {} us each for the last {}: {}\n\
         bound    {} us of bare libraries, their store of the same size: {}; ratio {}\n\
         memory   {} MiB, empty {} MiB: {}\n\
         disk     {} bytes each, {} were sent: {}\n\
         written  {} MiB since the last start, {} MiB were sent: {}\n\
         read     {} us at p50, {} at p99; an answer without the store {} and {}: {}\n\
         start    {} ms until ready, empty {} ms: {}\n\
         idle     {} % of a core, where 3 are the limit\n",
        at("/stored"),
        at("/cpu/node_us"),
        at("/cpu/readings"),
        split(part("/cpu/node_split_us"), &GROUPS),
        at("/cpu/bound_us"),
        split(part("/cpu/bound_split_us"), &STAGES),
        at("/cpu/ratio"),
        at("/memory/mib"),
        at("/memory/empty_mib"),
        at("/memory/ratio"),
        at("/disk/bytes_each"),
        at("/disk/sent_each"),
        at("/disk/ratio"),
        at("/written/mib"),
        at("/written/sent_mib"),
        at("/written/ratio"),
        at("/read/p50_us"),
        at("/read/p99_us"),
        at("/read/bare_p50_us"),
        at("/read/bare_p99_us"),
        at("/read/ratio"),
        at("/start/ms"),
        at("/start/empty_ms"),
        at("/start/ratio"),
        at("/idle/percent_of_a_core"),
    )
}

/// What signatures are of a transaction with a reading of so many bytes.
pub(super) fn seals(reading_bytes: usize) -> Value {
    let signature = Scheme::MlDsa44.signature_bytes();
    let reading = vec![0; reading_bytes];
    let reading = Reading { stream: STREAM, content_type: ContentType::TEXT, bytes: &reading };
    let body = Head::BYTES + Reading::FRAME_BYTES + reading.content_bytes();
    let all = Attachment::BYTES + body + seal_bytes(Scheme::MlDsa44, false);
    json!({
        "event": "seals", "measured": false, "bytes": all, "signature_bytes": signature,
        "percent": tenths(signature as f64 / all as f64 * 100.0),
    })
}

fn seals_text(value: &Value) -> String {
    format!(
        "calculated, not measured: {} of the {} bytes of such a transaction are its signature \
         ({} %). No setting drops signatures alone. node.retention drops whole transactions, and \
         all of their bytes with them, once they are older than it says.\n",
        value["signature_bytes"], value["bytes"], value["percent"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_most_of_a_small_transaction() {
        assert_eq!(seals(32)["bytes"], 104 + 94 + 5 + 3 + 12 + 32 + 1 + 2_420);
        assert!(seals_text(&seals(32)).starts_with("calculated, not measured: 2420 of the 2671 "));
    }
}
