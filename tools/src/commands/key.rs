//! `weft key`: makes and shows keys. The secret is shown only when asked for.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use weft_core::{
    address::NetworkKind,
    digest::NodeId,
    keys::{Scheme, Sign as _},
};
use weft_node::key_file::Seed;

use crate::{
    account::{address_of, default_key_file},
    failure::Failure,
    output::Output,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key; never overwrites a file
    New {
        /// Signature scheme: ml-dsa-44 or ml-dsa-65
        #[arg(long, default_value = "ml-dsa-44")]
        scheme: Scheme,
        /// Where to keep it [default: ~/.config/weft/key]
        #[arg(env = "WEFT_KEY")]
        file: Option<PathBuf>,
    },
    /// Show the scheme and the id of a key, and the address of its account
    Show {
        /// Show the secret seed too: whoever sees it has the key
        #[arg(long)]
        secret: bool,
        /// The key file [default: ~/.config/weft/key]
        #[arg(env = "WEFT_KEY")]
        file: Option<PathBuf>,
    },
}

pub(crate) fn run(args: Args, output: Output) -> Result<(), Failure> {
    match args.verb {
        Verb::New { scheme, file } => {
            let file = file.map_or_else(default_key_file, Ok)?;
            let seed = Seed::generate(scheme)?;
            // A seed that makes no key must not end in a file.
            seed.key()?;
            seed.store(&file)?;
            show(&seed, &file, false, output)
        }
        Verb::Show { secret, file } => {
            let file = file.map_or_else(default_key_file, Ok)?;
            show(&Seed::load(&file)?, &file, secret, output)
        }
    }
}

fn show(seed: &Seed, file: &Path, secret: bool, output: Output) -> Result<(), Failure> {
    let id = seed.key()?.public_key().id();
    let address = address_of(Some(file))?;
    let (test, public) = (address.text(NetworkKind::Test), address.text(NetworkKind::Public));
    let scheme = seed.scheme.name();
    let file = file.display().to_string();
    // An id has the size of a seed, and writes it the same way.
    let secret = secret.then(|| NodeId(seed.bytes).to_string());
    let mut value = json!({
        "file": file, "scheme": scheme, "key": id.to_string(), "address": test,
        "public_address": public,
    });
    if let (Some(secret), Some(fields)) = (&secret, value.as_object_mut()) {
        fields.insert("seed".to_owned(), secret.as_str().into());
    }
    output.show(&value, || {
        let secret = secret.map_or_else(String::new, |secret| format!("\nseed      {secret}"));
        format!(
            "file      {file}\nscheme    {scheme}\nkey       {id}\naddress   {test}\n\
             \x20         {public} (on a public network){secret}"
        )
    })
}
