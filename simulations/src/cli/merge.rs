//! `merge`: shards of one sweep become the report that the whole sweep would have made.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::{
    cli::{
        execute::{conclude, keep, kept, plan_of},
        exit::{Code, Failure},
    },
    scenario::sample::Sample,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of shards, or folders that hold them
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Where the report goes [default: the first folder]
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &args.shards {
        files.extend(shards_in(path)?);
    }
    let Some((first, _)) = files.split_first() else {
        return Err(Failure::usage("no shard-*.json there"));
    };
    let mut whole = kept(first)?;
    let mut samples: BTreeMap<(usize, u64), Sample> = BTreeMap::new();
    for file in &files {
        let shard = kept(file)?;
        if whole.config != shard.config {
            let text = format!("{} is of another scenario than {}", show(file), show(first));
            return Err(Failure::usage(text));
        }
        for sample in shard.samples {
            let place = (sample.point, sample.seed);
            let known = samples.entry(place).or_insert_with(|| sample.clone());
            if *known != sample {
                let text = format!("{}: seed {} did not repeat", show(file), sample.seed);
                return Err(Failure::new(Code::Unrepeatable, text));
            }
        }
    }
    whole.samples = samples.into_values().collect();
    let plan = plan_of(&whole)?;
    let missing = whole.planned.saturating_sub(whole.samples.len());
    if missing > 0 {
        let text = format!("{missing} of {} runs are missing", whole.planned);
        return Err(Failure::usage(text));
    }
    let out = args.out.clone().unwrap_or_else(|| first.with_file_name(""));
    keep(&out.join("samples.json"), &whole)?;
    conclude(&plan, &whole, &out, None)
}

/// A path for people.
fn show(path: &std::path::Path) -> String {
    path.display().to_string()
}

/// The file itself, or the shards in a folder, by name.
fn shards_in(path: &PathBuf) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.clone()]);
    }
    let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("shard-") && name.ends_with(".json") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}
