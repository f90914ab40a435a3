//! Buys an offer and prints ten readings: `buy KEYFILE OFFER`.

use std::{env::args, error::Error, path::Path, pin::pin, sync::Arc};

use futures_util::StreamExt as _;
use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Budget, Buying, HttpLedger},
};
use weft_core::keys::HostKey;

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let (key, offer) = args().nth(1).zip(args().nth(2)).ok_or("name a key file and an offer")?;
    let dir = Path::new("weft-market/example-buy");
    buy("http://127.0.0.1:14265", &key, &offer, dir, |text| println!("{text}")).await
}

/// Buys readings of one offer and tells each.
pub async fn buy(url: &str, key: &str, offer: &str, dir: &Path, told: impl Fn(&str)) -> Outcome {
    let (key, node): (Arc<HostKey>, _) = (Arc::new(seed::key(key)?), NodeClient::new(url)?);
    let poster = Poster::open(node.clone(), key.clone(), Attach::Here).await?;
    let genesis = node.genesis().await?;
    let ledger = Arc::new(HttpLedger::open(node, Arc::new(poster)).await?.proving(genesis));
    let budget = Budget { from: Some(0), readings: Some(10), ..Budget::of(1_000) };
    let buying = Buying::open(offer.parse()?, budget, dir, key, ledger).await?;
    let mut readings = pin!(buying.readings());
    while let Some(bought) = readings.next().await {
        told(&String::from_utf8_lossy(&bought?.reading.bytes));
    }
    Ok(())
}

#[path = "seed/mod.rs"]
mod seed;
