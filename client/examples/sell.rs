//! Sells a counter as a stream, one reading a second.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Counter, HttpLedger, Sale, Selling},
};
use weft_core::{keys::HostKey, market::batch::Reading, time::Time, tx::ContentType};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key: Arc<HostKey> = Arc::new(seed::key(std::env::args().nth(1))?);
    let node = NodeClient::new("http://127.0.0.1:14265")?;
    let poster = Poster::open(node.clone(), key, Attach::Here).await?;
    let ledger = Arc::new(HttpLedger::open(node, Arc::new(poster)).await?);
    let counter = Counter::open("127.0.0.1:4820".parse()?, Vec::new(), [7; 32]).await?;
    let sale = Sale::per_reading("example/counter", 1);
    let selling = Selling::open(sale, Path::new("weft-market/example"), counter, ledger).await?;
    println!("weft market buy {} --max 1000", selling.listing().id);
    for number in 0_u64.. {
        let since = std::time::UNIX_EPOCH.elapsed()?;
        let time = Time::from_millis(u64::try_from(since.as_millis())?);
        let bytes = number.to_string().into_bytes();
        selling.publish(Reading { time, content_type: ContentType::TEXT, bytes }).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

#[path = "seed/mod.rs"]
mod seed;
