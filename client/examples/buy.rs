//! Buys an offer and prints ten readings.

use std::{error::Error, path::Path, pin::pin, sync::Arc};

use futures_util::StreamExt as _;
use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Budget, Buying, HttpLedger},
};
use weft_core::keys::HostKey;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let key: Arc<HostKey> = Arc::new(seed::key(args.next())?);
    let offer = args.next().ok_or("usage: buy KEYFILE OFFER")?.parse()?;
    let node = NodeClient::new("http://127.0.0.1:14265")?;
    let poster = Poster::open(node.clone(), key.clone(), Attach::Here).await?;
    let ledger = Arc::new(HttpLedger::open(node, Arc::new(poster)).await?);
    let dir = Path::new("weft-market/example-buy");
    let buying = Buying::open(offer, Budget::of(1_000), dir, key, ledger).await?;
    let mut readings = pin!(buying.readings().take(10));
    while let Some(bought) = readings.next().await {
        println!("{}", String::from_utf8_lossy(&bought?.reading.bytes));
    }
    Ok(())
}

#[path = "seed/mod.rs"]
mod seed;
