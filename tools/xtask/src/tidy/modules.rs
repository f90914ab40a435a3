//! Files that no module names, and files that do not say what they are for.

use std::collections::BTreeSet;

use super::source::Source;
use super::tokens::{Token, tokens};
use super::{Finding, Repo};

/// Rust files below `src` that are no part of any crate.
pub(super) fn dead_files(repo: &Repo) -> Vec<Finding> {
    let mut live = BTreeSet::new();
    let mut open: Vec<String> = repo.sources.keys().filter(|p| is_root(repo, p)).cloned().collect();
    while let Some(path) = open.pop() {
        if let Some(source) = repo.sources.get(&path)
            && live.insert(path.clone())
        {
            open.extend(children(&path, source));
        }
    }
    let below_src = |path: &&String| path.split('/').any(|part| part == "src");
    let dead = repo.sources.keys().filter(below_src).filter(|path| !live.contains(*path));
    let text = "no `mod` declaration leads to this file";
    dead.map(|path| Finding { path: path.clone(), line: 1, text: text.to_owned() }).collect()
}

/// Whether cargo starts a crate with this file.
fn is_root(repo: &Repo, path: &str) -> bool {
    let (package, inner) = match path.split_once("src/") {
        Some((package, inner)) if package.is_empty() || package.ends_with('/') => (package, inner),
        _ => return false,
    };
    let Some(manifest) = repo.texts.get(&format!("{package}Cargo.toml")) else {
        return false;
    };
    match inner.split('/').collect::<Vec<_>>().as_slice() {
        ["lib.rs" | "main.rs"] | ["bin", _] | ["bin", _, "main.rs"] => true,
        _ => manifest.contains(&format!("path = \"src/{inner}\"")),
    }
}

/// The files that the modules declared in `path` may be in.
fn children(path: &str, source: &Source) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let is_bin = folder.ends_with("src/bin");
    let below = match stem {
        "mod" | "lib" | "main" => folder.to_owned(),
        _ if is_bin => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    let mut files = Vec::new();
    for declared in tokens(&source.code).windows(3) {
        if let [Token { text: "mod", line }, name, Token { text: ";", .. }] = declared {
            files.push(format!("{below}/{}.rs", name.text));
            files.push(format!("{below}/{}/mod.rs", name.text));
            files.extend(named(source, *line).map(|file| format!("{folder}/{file}")));
        }
    }
    files
}

/// The file of `#[path = "file"]` in the line above.
fn named(source: &Source, line: usize) -> Option<&str> {
    let above = source.raw.lines().nth(line.checked_sub(2)?)?;
    above.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]")
}

/// Every file starts with what it is for.
pub(super) fn docs_first(repo: &Repo) -> Vec<Finding> {
    let silent = repo.sources.iter().filter(|(_, source)| !source.raw.starts_with("//! "));
    let text = "a file starts with `//!` and what it is for";
    silent.map(|(path, _)| Finding { path: path.clone(), line: 1, text: text.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_module_names_is_dead() {
        let repo = Repo::of(&[
            ("a/Cargo.toml", "[[bin]]\npath = \"src/odd.rs\"\n"),
            ("a/src/lib.rs", "mod live;\n// mod dead;\n#[path = \"other.rs\"]\nmod x;"),
            ("a/src/live.rs", "pub(crate) mod inner; mod folder;"),
            ("a/src/live/inner.rs", ""),
            ("a/src/live/folder/mod.rs", "mod leaf;"),
            ("a/src/live/folder/leaf.rs", ""),
            ("a/src/other.rs", ""),
            ("a/src/odd.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/src/dead.rs", "mod deader;"),
            ("a/src/dead/deader.rs", ""),
            ("a/tests/free.rs", ""),
        ]);
        let text = "no `mod` declaration leads to this file";
        let dead =
            ["a/src/dead.rs", "a/src/dead/deader.rs"].map(|path| format!("{path}:1: {text}"));
        assert_eq!(repo.shown(dead_files), dead);
    }

    #[test]
    fn a_file_without_docs_is_found() {
        let repo = Repo::of(&[("a.rs", "//! What.\n"), ("b.rs", "use x;\n"), ("c.rs", "// No.\n")]);
        let text = "a file starts with `//!` and what it is for";
        assert_eq!(repo.shown(docs_first), [format!("b.rs:1: {text}"), format!("c.rs:1: {text}")]);
    }
}
