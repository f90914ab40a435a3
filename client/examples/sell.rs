//! Sells a counter as a stream, one reading a second: `sell KEYFILE`.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Counter, HttpLedger, Sale, Selling},
};
use weft_core::{keys::HostKey, market::batch::Reading, time::Time, tx::ContentType};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let (key, dir) = (std::env::args().nth(1).ok_or("name a key file")?, "weft-market/example");
    let told = |offer: &str| println!("weft market buy {offer} --max 1000");
    sell("http://127.0.0.1:14265", &key, "127.0.0.1:4820", Path::new(dir), told).await
}

/// Offers a stream, tells the offer, and serves buyers.
pub async fn sell(url: &str, key: &str, at: &str, dir: &Path, told: impl Fn(&str)) -> Outcome {
    let (key, node): (Arc<HostKey>, _) = (Arc::new(seed::key(key)?), NodeClient::new(url)?);
    let poster = Poster::open(node.clone(), key, Attach::Here).await?;
    let ledger = Arc::new(HttpLedger::open(node, Arc::new(poster)).await?);
    let counter = Counter::open(at.parse()?, Vec::new(), [7; 32]).await?;
    let sale = Sale::per_reading("example/counter", 1);
    let selling = Selling::open(sale, dir, counter, ledger).await?;
    told(&selling.listing().id.to_string());
    for number in 0_u64.. {
        let time = Time::from_millis(std::time::UNIX_EPOCH.elapsed()?.as_millis().try_into()?);
        let bytes = number.to_string().into_bytes();
        selling.publish(Reading { time, content_type: ContentType::TEXT, bytes }).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[path = "seed/mod.rs"]
mod seed;
