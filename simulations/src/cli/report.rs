//! `report`: the page of a run again, from what it kept.

use std::path::PathBuf;

use crate::cli::{
    execute::{conclude, kept, plan_of},
    exit::Failure,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of a run
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let kept = kept(&args.folder.join("samples.json"))?;
    conclude(&plan_of(&kept)?, &kept, &args.folder, None)
}
