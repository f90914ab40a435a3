//! The demo seller: the sensor's readings as a paid stream, over the endpoint of node 0.
//!
//! A seller like any other, but for its socket, which is a node's. It begins once the sensor's
//! account has said its first word: before, the ledger does not know it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep},
};
use weft_client::host::{
    NodeClient, Poster,
    market::{Counter, HttpLedger, MarketError, Sale, Selling},
};
use weft_core::{market::batch::Reading, time::Time, tx::ContentType};
use weft_market::ALPN;
use weft_node::Node;

use super::{
    folder::MARKET,
    sensor::{Gauges, STREAM, Sent},
};
use crate::{failure::Failure, network::Network, time::now_ms};

const PERIOD: Duration = Duration::from_secs(1);

/// How often it is asked whether the sensor has said something.
const PATIENCE: Duration = Duration::from_millis(100);

/// The name of the stream that is for sale.
fn stream() -> String {
    format!("{STREAM}/paid")
}

/// All that the seller needs.
pub(super) struct Stand {
    dir: PathBuf,
    node: NodeClient,
    poster: Arc<Poster>,
    counter: Counter,
}

impl Stand {
    /// At the endpoint of `node`, for the account of `poster`.
    pub(super) fn new(
        network: &Network,
        node: Option<&Node>,
        poster: Arc<Poster>,
    ) -> Result<Self, Failure> {
        let node = node.ok_or_else(|| Failure::failed("no node runs"))?;
        let guests = node.host(ALPN).map_err(Failure::failed)?;
        let (endpoint, addresses) = (node.id(), vec![node.p2p_addr()]);
        let counter = Counter { guests, endpoint, addresses, door: None };
        let node = NodeClient::new(&format!("http://{}", node.api_addr()))?;
        Ok(Self { dir: network.dir().join(MARKET), node, poster, counter })
    }

    /// Sells until it is to stop; tells the offer, or why there is none.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>, told: mpsc::Sender<Sent>) {
        if let Err(error) = self.sell(&mut stop, &told).await {
            let hint = "begin anew with --reset if the folder is of an older version";
            let cause = format!("nothing is for sale: {error}; {hint}");
            // Nobody listens at the end.
            let _ = told.send(Sent::Failed(cause)).await;
        }
    }

    async fn sell(
        self,
        stop: &mut watch::Receiver<bool>,
        told: &mpsc::Sender<Sent>,
    ) -> Result<(), MarketError> {
        while self.poster.next_sequence().await.registers() {
            if *stop.borrow() {
                return Ok(());
            }
            sleep(PATIENCE).await;
        }
        let ledger = Arc::new(HttpLedger::open(self.node, self.poster).await?);
        let title = "Telemetry of this machine".to_owned();
        let sale = Sale { title, ..Sale::per_reading(&stream(), 1) };
        let selling = Selling::open(sale, &self.dir, self.counter, ledger).await?;
        // Nobody listens at the end.
        let _ = told.send(Sent::Offered(selling.listing().id)).await;
        let (mut beat, mut gauges) = (interval(PERIOD), Gauges::new());
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_over = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => true,
                _ = beat.tick() => false,
            };
            if is_over {
                return selling.stop().await;
            }
            let Ok(bytes) = serde_json::to_vec(&gauges.read()) else { continue };
            let time = Time::from_millis(now_ms());
            let reading = Reading { time, content_type: ContentType::JSON, bytes };
            selling.publish(reading).await?;
        }
    }
}
