//! What comes with the program: scenarios, a table of round trips, measured costs.
//!
//! Invariant: a file beside a scenario goes before a shipped one of the same name.

use std::path::Path;

/// Scenarios by name, in the order in which `list` shows them.
pub const SHIPPED: [(&str, &str); 21] = [
    ("first-look", include_str!("../../scenarios/first-look.toml")),
    ("throughput-nodes", include_str!("../../scenarios/throughput-nodes.toml")),
    ("throughput-load", include_str!("../../scenarios/throughput-load.toml")),
    ("throughput-size", include_str!("../../scenarios/throughput-size.toml")),
    ("wire", include_str!("../../scenarios/wire.toml")),
    ("real-machine", include_str!("../../scenarios/real-machine.toml")),
    ("latency-ten-regions", include_str!("../../scenarios/latency-ten-regions.toml")),
    ("spam", include_str!("../../scenarios/spam.toml")),
    ("spam-shares", include_str!("../../scenarios/spam-shares.toml")),
    ("overload", include_str!("../../scenarios/overload.toml")),
    ("conflicts", include_str!("../../scenarios/conflicts.toml")),
    ("eclipse", include_str!("../../scenarios/eclipse.toml")),
    ("partition", include_str!("../../scenarios/partition.toml")),
    ("iot-churn", include_str!("../../scenarios/iot-churn.toml")),
    ("signature-size", include_str!("../../scenarios/signature-size.toml")),
    ("check-cost", include_str!("../../scenarios/check-cost.toml")),
    ("growth", include_str!("../../scenarios/growth.toml")),
    ("tips", include_str!("../../scenarios/tips.toml")),
    ("orphans", include_str!("../../scenarios/orphans.toml")),
    ("double-spend", include_str!("../../scenarios/double-spend.toml")),
    ("cover", include_str!("../../scenarios/cover.toml")),
];

/// Other files by name.
const FILES: [(&str, &str); 2] = [
    ("costs.toml", include_str!("../../scenarios/costs.toml")),
    ("wan10.csv", include_str!("../../scenarios/wan10.csv")),
];

/// The text of a shipped scenario.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

/// The text of a file that a scenario in `folder` names.
pub(crate) fn file(folder: &Path, name: &str) -> Result<String, String> {
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(text),
        Err(error) => {
            let shipped = FILES.iter().find(|(shipped, _)| *shipped == name);
            shipped.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("{name}: {error}"))
        }
    }
}

/// Whether a scenario of this name comes with the program.
pub(crate) fn is_shipped(name: &str) -> bool {
    text(name).is_some()
}
