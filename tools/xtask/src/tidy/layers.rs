//! Who may know whom inside core: a module uses its own line of the picture and those below.

use std::collections::BTreeMap;

use super::tokens::{paths, tokens};
use super::{Finding, Repo};

/// The modules of `core/src/machine`, bottom to top. `mod` is `mod.rs` and what is made there; what
/// it only names counts as part of the module it comes from. Beside it stand the files that hold
/// the methods of `Machine`.
const LAYERS: &[&[&str]] = &[
    &["timers", "input", "outbox", "reads", "records", "limits", "status", "turns", "ids"],
    &["tangle", "tips", "ledger", "chain", "heard", "validator", "spread", "catchup"],
    &["solidify", "scheduler", "certify", "cover", "consensus"],
    &["gossip", "peers", "serve", "wants", "archive", "snapshot"],
    &[
        "mod",
        "attach",
        "crowd",
        "talk",
        "checkpoints",
        "settle",
        "restore",
        "prune",
        "sync",
        "evidence",
    ],
];

const SRC: &str = "core/src/";

/// The ground never looks up at the machine, and no module of the machine at one above it.
///
/// Tests may: they build what they need from wherever it is.
pub(super) fn machine(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = named_at_the_top(repo);
    for (path, source) in &repo.sources {
        let Some(inner) = path.strip_prefix(SRC) else {
            continue;
        };
        let here = module(inner);
        if here.contains(&"tests") {
            continue;
        }
        let shipped = tokens(&source.code);
        for used in paths(&shipped).iter().filter(|used| used.line <= source.lines_before_tests) {
            if let Some(text) = breach(&here, &resolve(&here, &used.segments), &named) {
                findings.push(Finding { path: path.clone(), line: used.line, text });
            }
        }
        if let ["machine", name, ..] = here.as_slice()
            && level(name).is_none()
        {
            let text = format!("add `{name}` to LAYERS in tools/xtask/src/tidy/layers.rs");
            findings.push(Finding { path: path.clone(), line: 1, text });
        }
    }
    findings
}

/// The module a file is, from the crate's root.
fn module(inner: &str) -> Vec<&str> {
    let parts = inner.trim_end_matches(".rs").split('/');
    parts.filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
}

/// A path as seen from the crate's root.
fn resolve<'a>(here: &[&'a str], segments: &[&'a str]) -> Vec<&'a str> {
    let mut whole = here.to_vec();
    for segment in segments {
        match *segment {
            "crate" => whole.clear(),
            "self" => {}
            "super" => drop(whole.pop()),
            name => whole.push(name),
        }
    }
    whole
}

/// The modules of items that `mod.rs` names.
fn named_at_the_top(repo: &Repo) -> BTreeMap<&str, &str> {
    let Some(top) = repo.sources.get("core/src/machine/mod.rs") else {
        return BTreeMap::new();
    };
    let mut named = BTreeMap::new();
    for path in paths(&tokens(&top.code)) {
        if let ["machine", module, .., item] = resolve(&["machine"], &path.segments).as_slice()
            && level(module).is_some()
        {
            named.insert(*item, *module);
        }
    }
    named
}

/// Why the module `here` must not name `used`, if so.
fn breach(here: &[&str], used: &[&str], named: &BTreeMap<&str, &str>) -> Option<String> {
    let ["machine", inner @ ..] = used else {
        return None;
    };
    let ["machine", own @ ..] = here else {
        return Some("the ground must not know `machine`".to_owned());
    };
    // `pub(super)` names nothing.
    let first = inner.first()?;
    let target = named.get(first).unwrap_or(first);
    // Not a module: an item made in `mod.rs`, and so of the top.
    let target = if level(target).is_some() { target } else { &"mod" };
    let own = own.first().unwrap_or(&"mod");
    let above = level(target)? > level(own)?;
    above.then(|| format!("`{own}` must not know `{target}`, which is above it"))
}

fn level(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        Repo::of(&[(path, text)]).shown(machine)
    }

    #[test]
    fn the_ground_must_not_look_up() {
        let up = "\nuse crate::{tx::Tx, machine::input::Input};";
        let says = ["core/src/keys/mod.rs:2: the ground must not know `machine`"];
        assert_eq!(found("core/src/keys/mod.rs", up), says);
        assert_eq!(found("core/src/lib.rs", "pub mod machine;\npub mod tx;"), [""; 0]);
        assert_eq!(found("node/src/run.rs", "use crate::machine::X;"), [""; 0]);
    }

    #[test]
    fn a_module_must_not_look_up() {
        let says = ["core/src/machine/tips.rs:1: `tips` must not know `gossip`, which is above it"];
        for up in [
            "use crate::machine::gossip::Gossip;",
            "use super::gossip;",
            "fn f() { super::gossip::f() }",
            "use super::{tangle::Tangle, gossip::{A, B as C}};",
        ] {
            let found = found("core/src/machine/tips.rs", up);
            assert_eq!(found.first().map(String::as_str), says.first().copied(), "{up}");
        }
        let deep = "use super::super::peers;";
        assert_eq!(found("core/src/machine/tangle/live.rs", deep).len(), 1);
        assert_eq!(found("core/src/machine/solidify.rs", "use super::Machine;").len(), 1);
        assert_eq!(found("core/src/machine/solidify.rs", "use super::*;").len(), 1);
    }

    #[test]
    fn a_module_may_use_its_own_line_and_those_below() {
        let down =
            "use super::{wants, tips::Tips, outbox::Outbox};\nuse crate::tx::Tx;\nself.tips();";
        assert_eq!(found("core/src/machine/gossip/mod.rs", down), [""; 0]);
        assert_eq!(found("core/src/machine/gossip/plumtree.rs", "use super::Gossip;"), [""; 0]);
        assert_eq!(found("core/src/machine/mod.rs", "use self::gossip::Gossip;"), [""; 0]);
    }

    #[test]
    fn what_the_top_only_names_counts_where_it_is_made() {
        let top = "pub use input::{Input, Source};\nuse gossip::Gossip;\npub struct Machine;";
        let files = |text| [("core/src/machine/mod.rs", top), ("core/src/machine/tips.rs", text)];
        let found = |text| Repo::of(&files(text)).shown(machine);
        assert_eq!(found("use super::{Input, Source};"), [""; 0]);
        let says = "core/src/machine/tips.rs:1: `tips` must not know `gossip`, which is above it";
        assert_eq!(found("use super::Gossip;"), [says]);
        assert_eq!(found("use super::Machine;").len(), 1);
    }

    #[test]
    fn tests_may_look_up() {
        let test = "#[cfg(test)]\nmod tests {\n    use super::super::gossip::Gossip;\n}\n";
        assert_eq!(found("core/src/machine/tips.rs", test), [""; 0]);
        assert_eq!(found("core/src/machine/tips/tests.rs", "use crate::machine::X;"), [""; 0]);
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        let says =
            ["core/src/machine/new.rs:1: add `new` to LAYERS in tools/xtask/src/tidy/layers.rs"];
        assert_eq!(found("core/src/machine/new.rs", ""), says);
    }
}
