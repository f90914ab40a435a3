//! `weft config`: the settings of a node that are in force, and whether it can run with them.
//!
//! Settings come from a file, the environment and flags, each over the one before; so the question
//! "where does this value come from?" has an answer here, for every one of them.
//!
//! Invariant: what `print` shows is itself a configuration file that means the same.

use std::path::PathBuf;

use serde_json::json;
use weft_node::{
    Config, Setting,
    config::{Effective, InForce},
};

use super::node::{environment, parse_setting};
use crate::{failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say whether a node can run with these settings
    Check(Sources),
    /// Show every setting that is in force, and who made it
    Print(Sources),
}

#[derive(Debug, clap::Args)]
struct Sources {
    /// Configuration of the node [default: none, so that only defaults and the environment count]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting over all others, as `weft node` takes it
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    set: Vec<Setting>,
}

pub(crate) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let (What::Check(sources) | What::Print(sources)) = &args.what;
    let effective = Config::explain(sources.config.as_deref(), environment(), &sources.set)?;
    match args.what {
        What::Check(_) => check(&effective, output),
        What::Print(_) => print(&effective, output),
    }
}

fn check(effective: &Effective, output: Output) -> Result<(), Failure> {
    let settings = effective.settings();
    let made = settings.iter().filter(|setting| setting.origin.is_some()).count();
    let defaults = settings.len() - made;
    output.show(&json!({ "ok": true, "made": made, "defaults": defaults }), || {
        format!("ok: a node can run with these, {made} made and {defaults} by default")
    })
}

fn print(effective: &Effective, output: Output) -> Result<(), Failure> {
    let settings = effective.settings();
    let shown: Vec<_> = settings
        .iter()
        .map(|InForce { section, name, value, origin }| {
            let key = format!("{section}.{name}");
            json!({ "key": key, "value": value, "origin": origin.as_deref().unwrap_or("default") })
        })
        .collect();
    output.show(&shown, || text(&settings))
}

/// TOML, with the origin behind each line.
fn text(settings: &[InForce]) -> String {
    let line = |setting: &InForce| format!("{} = {}", setting.name, setting.value);
    let wide = settings.iter().map(|setting| line(setting).chars().count()).max().unwrap_or(0);
    let wide = wide.min(56);
    let (mut text, mut current) = (String::new(), "");
    for setting in settings {
        if setting.section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}[{}]\n", setting.section));
            current = &setting.section;
        }
        let origin = setting.origin.as_deref().unwrap_or("default");
        text.push_str(&format!("{:<wide$}  # {origin}\n", line(setting)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_means_the_same_and_says_who_made_it() {
        let environment = [("WEFT_LOG__FILTER".to_owned(), "debug".to_owned())];
        let given = [Setting::new("api.listen", "127.0.0.1:1"), Setting::new("p2p.peers", "")];
        let effective = Config::explain(None, environment, &given).unwrap();
        let printed = text(&effective.settings());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node.toml");
        std::fs::write(&file, &printed).unwrap();
        assert_eq!(Config::load(Some(&file), [], &[]).unwrap(), effective.config);
        let origin = |name: &str| {
            let line = printed.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once("# ").unwrap().1.to_owned()
        };
        assert_eq!(origin("listen = \"127.0.0.1:1\""), "the command line");
        assert_eq!(origin("filter"), "environment variable WEFT_LOG__FILTER");
        assert_eq!(origin("retention"), "default");
    }
}
