//! `weft proof`: the file that convinces a stranger of a transaction and its outcome.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;
use weft_client::host::ClientError;
use weft_core::digest::TxId;

use crate::{failure::Failure, output::Output, target::Target};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of a transaction or of a body: 64 hexadecimal digits
    id: TxId,
    /// Where to write it; `-` = standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How long to wait for the committee's signatures
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let node = args.target.client()?;
    let until = Instant::now() + Duration::from_secs(args.patience);
    let is_early =
        |error: &ClientError| error.problem().is_some_and(|said| said.code == "not_final");
    let bytes = loop {
        match node.proof(args.id).await {
            Ok(bytes) => break bytes,
            Err(error) if is_early(&error) && Instant::now() < until => {
                sleep(Duration::from_millis(200)).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    if args.out.as_os_str() == "-" {
        return output.bytes(&bytes);
    }
    let file = args.out.display().to_string();
    fs::write(&args.out, &bytes)
        .map_err(|error| Failure::failed(format!("cannot write {file}: {error}")))?;
    output.show(&json!({ "file": file, "bytes": bytes.len() }), || {
        format!(
            "wrote {} bytes to {file}; check it with `weft verify {file} --committee GENESIS`",
            bytes.len()
        )
    })
}
