//! Words that must not appear, each where it must not.

use super::source::{numbered, words};
use super::{Finding, Repo};

/// A word that is no good in the code below some folder.
struct Ban {
    word: &'static str,
    within: &'static str,
    why: &'static str,
}

const UNORDERED: &str = "its order differs between runs: use a BTreeMap, a BTreeSet or a Vec";
const CLOCK: &str = "core reads no clock: take `now: Time` as an argument";
const FLOAT: &str = "machines round differently: use integers";
const SILENT: &str = "core says nothing: return a value";
const LATER: &str = "unfinished code is not shipped";
const UNBOUNDED: &str = "every queue has a limit";

/// The one place that may have a map without an order: nobody can go through it there.
const MAPS_BY_ID: &str = "core/src/machine/ids.rs";

const BANS: &[Ban] = &[
    Ban { word: "HashMap", within: "core/src/", why: UNORDERED },
    Ban { word: "HashSet", within: "core/src/", why: UNORDERED },
    Ban { word: "Instant", within: "core/src/", why: CLOCK },
    Ban { word: "SystemTime", within: "core/src/", why: CLOCK },
    Ban { word: "f32", within: "core/src/", why: FLOAT },
    Ban { word: "f64", within: "core/src/", why: FLOAT },
    Ban { word: "println", within: "core/src/", why: SILENT },
    Ban { word: "eprintln", within: "core/src/", why: SILENT },
    Ban { word: "dbg", within: "core/src/", why: SILENT },
    Ban { word: "todo!", within: "src/", why: LATER },
    Ban { word: "unimplemented!", within: "src/", why: LATER },
    Ban { word: "unbounded_channel", within: "src/", why: UNBOUNDED },
];

/// Banned words in code; texts and comments may say what they like.
pub(super) fn banned(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in &repo.sources {
        let is_allowed = |ban: &Ban| ban.why == UNORDERED && path == MAPS_BY_ID;
        let bans: Vec<&Ban> =
            BANS.iter().filter(|ban| is_within(path, ban.within) && !is_allowed(ban)).collect();
        for (line, text) in numbered(&source.code) {
            for ban in bans.iter().filter(|ban| holds(text, ban.word)) {
                let text = format!("`{}`: {}", ban.word, ban.why);
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

/// Whether `path` lies below `folder`; a folder of one name counts at any depth.
fn is_within(path: &str, folder: &str) -> bool {
    let is_top = folder.trim_end_matches('/').contains('/');
    path.starts_with(folder) || (!is_top && path.contains(&format!("/{folder}")))
}

/// Whether `line` holds `ban` as a whole word; with `!` at its end, as a macro.
fn holds(line: &str, ban: &str) -> bool {
    match ban.strip_suffix('!') {
        None => words(line).any(|word| word == ban),
        Some(name) => line.contains(ban) && words(line).any(|word| word == name),
    }
}

/// What is left to do must name who does it.
pub(super) fn owners(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rust = repo.sources.iter().map(|(path, source)| (path, &source.comments));
    let others =
        repo.texts.iter().filter(|(path, _)| path.ends_with(".toml") || path.ends_with(".sh"));
    for (path, text) in rust.chain(others) {
        for (line, text) in numbered(text) {
            if has_no_owner(text) {
                let text = format!("`{LEFT}` without an owner: write `{LEFT}(name)`");
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

const LEFT: &str = "TODO";

fn has_no_owner(line: &str) -> bool {
    let mut parts = line.split(LEFT);
    let starts_word = |before: &str| !before.ends_with(super::source::is_word);
    let mut before = parts.next().unwrap_or_default();
    for after in parts {
        let owner = after.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let is_owned = owner.is_some_and(|(name, _)| !name.trim().is_empty());
        if starts_word(before) && !after.starts_with(super::source::is_word) && !is_owned {
            return true;
        }
        before = after;
    }
    false
}

/// Folders of single machines. In parts, since this file is checked too.
const MACHINE_PATHS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "farm/"),
    concat!("index", ".crates.io-"),
];

/// Paths that exist on one machine only; a repository stands alone.
pub(super) fn machine_paths(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &repo.texts {
        for (line, text) in numbered(text) {
            for machine in MACHINE_PATHS.iter().filter(|machine| names(text, machine)) {
                let text = format!("`{machine}` is a path of one machine");
                findings.push(Finding { path: path.clone(), line, text });
            }
        }
    }
    findings
}

/// Whether `line` holds `path` as the start of a path, not as the middle of a longer one.
fn names(line: &str, path: &str) -> bool {
    let is_inner = |c: char| c.is_alphanumeric() || "._-*}~$".contains(c);
    line.match_indices(path).any(|(at, _)| {
        !line.get(..at).unwrap_or_default().ends_with(|c| is_inner(c) && path.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_banned_word_is_found() {
        for ban in BANS {
            let path = format!("core/src/{}.rs", ban.within.len());
            let text = format!("fn f() {{\n    {}();\n}}\n", ban.word);
            let found = Repo::of(&[(&path, &text)]).shown(banned);
            assert_eq!(found, [format!("{path}:2: `{}`: {}", ban.word, ban.why)]);
        }
    }

    #[test]
    fn banned_words_are_whole_in_code_and_in_their_folder() {
        let text = "// HashMap\nlet a = \"f64\"; IndexHashMap; todo(); MyInstant";
        let other = "use std::collections::HashMap; fn f(x: f64) { println!() }";
        let files = [("core/src/a.rs", text), ("node/src/b.rs", other), ("core/tests/c.rs", other)];
        assert_eq!(Repo::of(&files).shown(banned), [""; 0]);
    }

    #[test]
    fn a_map_without_an_order_is_wrapped_in_one_place() {
        let text = "use hashbrown::HashMap;";
        let files = [(MAPS_BY_ID, text), ("core/src/machine/tips.rs", text)];
        assert_eq!(Repo::of(&files).shown(banned).len(), 1);
    }

    #[test]
    fn unfinished_code_is_found_in_every_package() {
        let repo = Repo::of(&[("node/src/a.rs", "todo!()"), ("tools/xtask/src/b.rs", "todo!()")]);
        assert_eq!(repo.shown(banned).len(), 2);
    }

    #[test]
    fn what_is_left_to_do_needs_an_owner() {
        let line = |text: &str| format!("// {LEFT}{text}\n");
        let bad = [line(""), line(": x"), line("(): x"), line("(mia)").replace('\n', &line(" y"))];
        let good = [line("(mia): x"), line("S"), format!("\"{LEFT}\"; {LEFT};")];
        for text in bad {
            assert_eq!(Repo::of(&[("a.rs", &text)]).shown(owners).len(), 1, "{text}");
        }
        for text in good {
            assert_eq!(Repo::of(&[("a.rs", &text)]).shown(owners), [""; 0], "{text}");
        }
        assert_eq!(Repo::of(&[("a.toml", &format!("# {LEFT}"))]).shown(owners).len(), 1);
    }

    #[test]
    fn every_machine_path_is_found_and_longer_paths_are_not() {
        for machine in MACHINE_PATHS {
            for before in ["", "see ", "(", "\"", "file://"] {
                let text = format!("x\n{before}{machine}y");
                let found = Repo::of(&[("a.md", &text)]).shown(machine_paths);
                assert_eq!(found, [format!("a.md:2: `{machine}` is a path of one machine")]);
            }
        }
        let inner = format!("core{0} v1{0} ..{0}", concat!("/", "work/"));
        assert_eq!(Repo::of(&[("a.md", &inner)]).shown(machine_paths), [""; 0]);
    }
}
