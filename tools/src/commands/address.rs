//! `weft address`: the address of a key's account. Needs no node.

use std::path::PathBuf;

use serde_json::json;
use weft_core::address::NetworkKind;

use crate::{account::address_of, failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key file [default: ~/.config/weft/key]
    #[arg(long, value_name = "FILE", env = "WEFT_KEY")]
    key: Option<PathBuf>,
    /// As it is written on a public network
    #[arg(long)]
    public: bool,
}

pub(crate) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let kind = if args.public { NetworkKind::Public } else { NetworkKind::Test };
    let address = address_of(args.key.as_deref())?.text(kind);
    output.show(&json!({ "address": address }), || address.clone())
}
