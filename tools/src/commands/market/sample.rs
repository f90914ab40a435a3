//! `weft market sample`: what a seller gives away, without a channel.

use weft_client::host::market::sample;
use weft_core::digest::BodyId;

use super::{
    Shown,
    desk::{Desk, parse_id},
};
use crate::{failure::Failure, output::Output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The offer, as `weft market list` shows it
    #[arg(value_parser = parse_id)]
    offer: BodyId,
    #[command(flatten)]
    desk: Desk,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let open = args.desk.open(output).await?;
    let stream = open.node.offer(args.offer).await?.offer.stream;
    let ledger = open.close().await?;
    let sampled = sample(args.offer, &ledger).await?;
    for sample in &sampled.chunks {
        for (place, reading) in sample.chunk.readings().iter().enumerate() {
            let at = (sample.sequence, place);
            output.value(&Shown::new(&stream, at, reading, sample.batch.to_string()))?;
        }
    }
    let quote = sampled.quote;
    output.note(&format!(
        "{} samples; {} per {}, chunks {} to {} are for sale",
        sampled.chunks.len(),
        quote.price,
        quote.unit.name(),
        quote.first,
        quote.next,
    ));
    Ok(())
}
