//! A paid stream through a node: the 402 that says what it costs, the readings once the node buys
//! for the applications beside it, and proofs that are held against the committee.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use weft_client::host::{
    Attach, NodeClient, Poster,
    market::{Counter, HttpLedger, Sale, Selling},
};
use weft_core::{
    digest::BodyId,
    keys::{HostKey, Scheme},
    market::{batch::Reading, terms::Sample},
    time::Time,
    tx::ContentType,
};
use weft_market::drive::{Ledger as _, LedgerError, ShopEvent};
use weft_node::{Node, Seed};

use crate::support::{World, account::Account, http::Api};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The seeds of seller and buyer, and of who speaks before them.
const SELLER: u8 = 1;
const BUYER: u8 = 2;
const FIRST: u8 = 3;

fn world() -> World {
    World::of_one(&[SELLER, BUYER, FIRST])
}

fn seed(number: u8) -> Seed {
    Seed { scheme: Scheme::MlDsa44, bytes: [number; 32] }
}

async fn ledger(node: &Node, number: u8) -> HttpLedger {
    let client = NodeClient::new(&format!("http://{}", node.api_addr())).unwrap();
    let key: Arc<HostKey> = Arc::new(seed(number).key().unwrap());
    let poster = Poster::open(client.clone(), key, Attach::Here).await.unwrap();
    HttpLedger::open(client, Arc::new(poster)).await.unwrap()
}

/// A shop at `node` that has `readings` for sale, each in a batch of its own.
async fn shop(world: &World, node: &Node, readings: u8) -> (Selling, Vec<BodyId>) {
    // The ledger's time follows the clocks from its second commit on.
    let first = Account::new(&world.genesis, FIRST);
    Api::of(node).settle(&first.reading("s", "1")).await.expect(201);
    let counter = Counter::open(ANY, Vec::new(), [7; 32]).await.unwrap();
    let sale =
        Sale { sample: Sample { readings: 5, delay_s: 0 }, ..Sale::per_reading("hall/temp", 3) };
    let ledger = Arc::new(ledger(node, SELLER).await);
    let selling = Selling::open(sale, &world.data_dir("shop"), counter, ledger).await.unwrap();
    let mut events = selling.events();
    publish(&selling, 0..readings).await;
    let mut batches = Vec::new();
    while batches.len() < usize::from(readings) {
        if let ShopEvent::Published { batch, .. } = events.recv().await.unwrap() {
            batches.push(batch);
        }
    }
    (selling, batches)
}

async fn publish(selling: &Selling, numbers: std::ops::Range<u8>) {
    for number in numbers {
        let (time, bytes) = (Time::from_millis(number.into()), vec![b'0' + number]);
        let reading = Reading { time, content_type: ContentType::TEXT, bytes };
        selling.publish(reading).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_channel_the_answer_is_402_and_says_how_to_open_one() {
    let world = world();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (selling, _) = shop(&world, &node, 0).await;
    let offer = selling.listing().id;

    let answer = api.get(&format!("/v1/market/streams/{offer}/live")).await;
    assert_eq!(answer.code(), (402, "payment_required"));
    assert_eq!(answer.json["x402Version"], 2);
    let [requirement] = answer.json["accepts"].as_array().unwrap().as_slice() else {
        panic!("one way to pay: {answer:?}")
    };
    let seller = Account::new(&world.genesis, SELLER).address_text();
    assert_eq!(requirement["scheme"], "batch-settlement");
    assert_eq!((&requirement["amount"], &requirement["payTo"]), (&"3".into(), &seller.into()));
    let extra = &requirement["extra"];
    assert_eq!((&extra["offer"], &extra["unit"]), (&offer.to_string().into(), &"reading".into()));
    assert_eq!(extra["endpoint"], selling.listing().offer.endpoint.to_string());
    assert_eq!(extra["addresses"][0], selling.listing().offer.addresses[0].to_string());
    assert!(extra["command"].as_str().unwrap().contains(&format!("market buy {offer}")));
    assert!(answer.headers.contains_key("payment-required"), "{answer:?}");

    let none = BodyId([9; 32]);
    let answer = api.get(&format!("/v1/market/streams/{none}/live")).await;
    assert_eq!(answer.code(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_buys_streams_readings_that_it_paid_for() {
    let world = world();
    let mut config = world.config("a", &[]);
    config.market.key_file = world.data_dir("buyer.key");
    config.market.dir = world.data_dir("bought");
    config.market.max = 5_000;
    seed(BUYER).store(&config.market.key_file).unwrap();
    let node = world.start_with("a", config).await;
    let (selling, _) = shop(&world, &node, 0).await;
    let path = format!("/v1/market/streams/{}/live", selling.listing().id);

    // Two applications, one purchase.
    let api = Api::of(&node);
    let (mut one, mut other) = (api.stream(&path).await, api.stream(&path).await);
    publish(&selling, 0..3).await;
    let read = one.take(3).await;
    for (number, event) in read.iter().enumerate() {
        assert_eq!((event.kind.as_str(), &event.id), ("reading", &format!("{number}.0")));
        assert_eq!(event.data["text"], number.to_string());
        assert_eq!(event.data["ticks"], number + 1, "one tick a reading");
    }
    let data = |events: &[crate::support::http::Event]| {
        events.iter().map(|event| event.data.clone()).collect::<Vec<_>>()
    };
    assert_eq!(data(&other.take(3).await), data(&read));
    let revenue = selling.revenue().await.unwrap();
    let paid: Vec<_> = revenue.iter().map(|of| of.paid).collect();
    assert_eq!(paid, [3], "one channel, three ticks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_counts_with_the_committees_proof_and_no_other() {
    let world = world();
    let node = world.start("a", &[]).await;
    let (selling, batches) = shop(&world, &node, 2).await;
    let buyer = ledger(&node, BUYER).await;
    let api = Api::of(&node);
    let [first, second] = batches.as_slice() else { panic!("two batches: {batches:?}") };

    let proving = buyer.clone().proving(buyer.node().genesis().await.unwrap());
    assert!(proving.is_proving() && !buyer.is_proving());
    let (issuer, data) = proving.data(*first).await.unwrap().expect("it is final");
    let listing = selling.listing();
    assert_eq!((issuer, data.stream), (listing.seller, listing.offer.stream.clone()));
    assert!(proving.data(BodyId([9; 32])).await.unwrap().is_none());

    // A node that lies: with the proof of another batch, one that was bent, a bad one.
    let good = api.get_bytes(&format!("/v1/proofs/{first}")).await.expect(200).bytes;
    let mut bent = good.clone();
    *bent.last_mut().unwrap() ^= 1;
    let tips = api.get("/v1/tips").await.expect(200).bytes;
    for lie in [good, bent, b"weft.prf".to_vec()] {
        let liar = NodeClient::new(&liar(tips.clone(), lie).await).unwrap();
        let ledger = HttpLedger::open(liar, buyer.poster().clone()).await.unwrap();
        let ledger = ledger.proving(world.genesis.clone());
        let error = ledger.data(*second).await.expect_err("it is not of this batch");
        let is_told = matches!(&error, LedgerError::Refused { code, .. } if code == "not_proven");
        assert!(is_told, "{error}");
    }
}

/// A node that answers what it is asked for tips with `tips`, and whatever else with `proof`.
async fn liar(tips: Vec<u8>, proof: Vec<u8>) -> String {
    let listener = TcpListener::bind(ANY).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            let body = if asked.starts_with(b"GET /v1/tips") { &tips } else { &proof };
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let head = format!("{head} {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        }
    });
    url
}
