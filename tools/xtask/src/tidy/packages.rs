//! Who may know whom among packages: adapters use core and none knows another.

use super::source::numbered;
use super::{Finding, Repo};

/// Packages with a fixed place, and those of ours that each may use. Others may use any.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("net", &["weft-core"]),
    ("storage", &["weft-core"]),
    ("market", &["weft-core"]),
    // Its feature `market` puts sockets and sessions together; devices build it without.
    ("client", &["weft-core", "weft-market", "weft-net"]),
    ("verifier", &["weft-core"]),
    ("node", &["weft-core", "weft-net", "weft-storage", "weft-client", "weft-market"]),
    ("gateway", &["weft-core", "weft-client"]),
];

/// Dependencies against the direction of the picture. Tests may use any.
pub(super) fn directions(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, allowed) in ALLOWED {
        let path = format!("{folder}/Cargo.toml");
        let Some(manifest) = repo.texts.get(&path) else {
            continue;
        };
        for (line, name) in dependencies(manifest) {
            if name.starts_with("weft-") && !allowed.contains(&name) {
                let text = format!("{folder} must not depend on {name}");
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

/// Line and name of all but the test dependencies.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (line, text) in numbered(manifest) {
        if text.starts_with('[') {
            inside = text.ends_with("dependencies]") && !text.contains("dev-dependencies");
        } else if inside && let Some((name, _)) = text.split_once(['.', '=', ' ']) {
            found.push((line, name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_must_not_know_each_other() {
        let net = "[dependencies]\nweft-core.workspace = true\nweft-storage = { path = \"..\" }\n";
        let repo = Repo::of(&[("net/Cargo.toml", net)]);
        assert_eq!(
            repo.shown(directions),
            ["net/Cargo.toml:3: net must not depend on weft-storage"]
        );
    }

    #[test]
    fn tests_and_programs_may_know_all() {
        let net =
            "[dependencies]\nbytes = \"1\"\n[dev-dependencies]\nweft-storage.workspace = true\n";
        let tools = "[dependencies]\nweft-node.workspace = true\n";
        let repo = Repo::of(&[("net/Cargo.toml", net), ("tools/Cargo.toml", tools)]);
        assert_eq!(repo.shown(directions), [""; 0]);
    }
}
