//! Links between the papers that lead nowhere.

use std::collections::BTreeSet;

use super::source::numbered;
use super::{Finding, Repo};

/// Links of Markdown files to files and headings that are not there.
///
/// Links to other hosts are not followed: a check must not depend on them.
pub(super) fn dead(repo: &Repo) -> Vec<Finding> {
    let places = places(repo);
    let mut findings = Vec::new();
    for (path, text) in repo.texts.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, text) in prose(text) {
            for link in targets(&text) {
                if let Some(text) = breach(repo, &places, path, link) {
                    findings.push(Finding { path: path.clone(), line, text });
                }
            }
        }
    }
    findings
}

/// All files and all folders that hold one.
fn places(repo: &Repo) -> BTreeSet<&str> {
    let mut places: BTreeSet<&str> = repo.texts.keys().map(String::as_str).collect();
    for path in repo.texts.keys() {
        places.extend(path.match_indices('/').filter_map(|(at, _)| path.get(..at)));
    }
    places.insert("");
    places
}

/// Lines outside fenced blocks, with what stands between backticks left out.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (line, text) in numbered(text) {
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((line, text.split('`').step_by(2).collect()));
        }
    }
    lines
}

/// The targets of `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for after in line.split("](").skip(1) {
        targets.extend(after.split([')', ' ']).next());
    }
    if let Some((_, after)) = line.split_once("]: ")
        && line.starts_with('[')
    {
        targets.extend(after.split_whitespace().next());
    }
    targets
}

/// Why the link `target` in the file `from` is dead, if so.
fn breach(repo: &Repo, places: &BTreeSet<&str>, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(from.to_owned()) } else { join(from, file) };
    let Some(path) = path.filter(|path| places.contains(path.as_str())) else {
        return Some(format!("the link {target} leads nowhere"));
    };
    let text = repo.texts.get(&path).filter(|_| path.ends_with(".md") && !heading.is_empty())?;
    let is_there = numbered(text).any(|(_, line)| anchor(line).as_deref() == Some(heading));
    (!is_there).then(|| format!("the link {target} leads to no heading of {path}"))
}

/// `target` as seen from the top folder; `None` if it leaves the repository.
fn join(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The name under which a heading can be linked to.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "# A map, of `weft`\n\n[up](../README.md) [self](#a-map-of-weft)\n";

    fn found(readme: &str) -> Vec<String> {
        Repo::of(&[("README.md", readme), ("docs/MAP.md", MAP)]).shown(dead)
    }

    #[test]
    fn dead_links_are_found() {
        let nowhere = |link: &str| vec![format!("README.md:1: the link {link} leads nowhere")];
        assert_eq!(found("see [it](docs/GONE.md)."), nowhere("docs/GONE.md"));
        assert_eq!(found("[it](../outside.md \"title\")"), nowhere("../outside.md"));
        assert_eq!(found("[it]: gone/"), nowhere("gone/"));
        let heading = "README.md:1: the link docs/MAP.md#gone leads to no heading of docs/MAP.md";
        assert_eq!(found("[it](docs/MAP.md#gone)"), [heading]);
    }

    #[test]
    fn live_links_and_code_are_not() {
        for good in [
            "[a](docs/MAP.md) [b](docs) [c](docs/) [d](/docs/MAP.md) [e](./README.md)",
            "[a](docs/MAP.md#a-map-of-weft)",
            "[a](https://example.org/gone) [b](mailto:a@b)",
            "`[a](gone)`",
            "```\n[a](gone)\n```",
        ] {
            assert_eq!(found(good), [""; 0], "{good}");
        }
    }
}
