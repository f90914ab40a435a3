//! Paid streams: a process sells, another buys, and both are killed in the middle.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;
use weft_market::shelf::{FjallShelf, Shelf as _, Table};

use crate::support::{Ended, Nodes, Process, base_port, json, run};

const PRICE: u64 = 3;

fn number(value: &Value) -> u64 {
    let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
    text.parse().unwrap_or_else(|_| panic!("{value} is no number"))
}

/// A network of four, a seller at node 0 and a buyer at node 3.
struct Fair {
    nodes: Nodes,
    port: u16,
}

impl Fair {
    fn open() -> Self {
        let (nodes, port) = (Nodes::start_all_with_little_work(4), base_port() + 150);
        Self { nodes, port }
    }

    fn dir(&self) -> &Path {
        self.nodes.dir()
    }

    fn sell(&self, more: &[&str]) -> Process {
        let (price, url) = (PRICE.to_string(), self.nodes.url(0));
        let listen = format!("127.0.0.1:{}", self.port);
        let args = ["market", "sell", "hall/temp", "--json", "--price", &price, "--node", &url];
        let desk = ["--key", "net/demo1.key", "--dir", "seller", "--listen", &listen];
        Process::start(self.dir(), "seller", &[&args[..], &desk, more].concat())
    }

    fn buy(&self, offer: &str, max: u64, more: &[&str]) -> Process {
        let args = self.buy_args(offer, max, more);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Process::start(self.dir(), "buyer", &args)
    }

    fn buy_args(&self, offer: &str, max: u64, more: &[&str]) -> Vec<String> {
        let (max, url) = (max.to_string(), self.nodes.url(3));
        let args = ["market", "buy", offer, "--max", &max, "--from", "0", "--node", &url];
        let desk = ["--key", "net/demo0.key", "--dir", "buyer"];
        [&args[..], &desk, more].concat().into_iter().map(str::to_owned).collect()
    }

    fn of_seller(&self, verb: &str, more: &[&str]) -> Ended {
        let (args, url) = (["market", verb, "--json"], self.nodes.url(0));
        let desk = ["--key", "net/demo1.key", "--dir", "seller", "--node", &url];
        run(self.dir(), &[&args[..], more, &desk].concat())
    }

    /// What the ciphertexts of a seller that has ended are stored under.
    fn ciphertexts(&self) -> Vec<Vec<u8>> {
        let dirs = std::fs::read_dir(self.dir().join("seller")).unwrap();
        let mut names = dirs.map(|dir| dir.unwrap().path());
        let is_book = |path: &PathBuf| path.to_string_lossy().contains("/sell-");
        let shelf = FjallShelf::open(&names.find(is_book).unwrap()).unwrap();
        let stored = shelf.list(Table::Ciphertext, &[], 10_000).unwrap();
        stored.into_iter().map(|(key, _)| key).collect()
    }

    /// What an account owns, by the node that knows best.
    fn owns(&self, node: usize, key: &str) -> u64 {
        let url = self.nodes.url(node);
        let shown = run(self.dir(), &["balance", "--json", "--key", key, "--node", &url]).ok();
        number(&json(&shown)["balance"])
    }

    /// The channels of the buyer that are open.
    fn channels(&self) -> Vec<Value> {
        let url = self.nodes.url(0);
        let args = ["market", "channels", "--json", "--key", "net/demo0.key", "--node", &url];
        run(self.dir(), &args).ok().lines().map(json).collect()
    }
}

/// Reads up to an event of a kind.
fn event(process: &Process, kind: &str) -> Value {
    loop {
        let line = process.json();
        if line["event"] == kind {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_trade_and_the_deposit_adds_up_to_the_unit() {
    let fair = Fair::open();
    let (buyer_before, seller_before) =
        (fair.owns(0, "net/demo0.key"), fair.owns(0, "net/demo1.key"));
    let mut seller = fair.sell(&["--sample-delay", "0"]);
    let offer = event(&seller, "open")["offer"].as_str().unwrap().to_owned();
    (0..12).for_each(|number| seller.write(&format!("21.{number}")));
    for chunk in 0..12 {
        assert_eq!(event(&seller, "published")["chunk"], chunk);
    }

    // A stranger finds it, looks at it for nothing, and buys.
    let url = fair.nodes.url(3);
    let listed = run(fair.dir(), &["market", "list", "--json", "--node", &url]).ok();
    assert_eq!(json(&listed)["id"].as_str(), Some(offer.as_str()));
    let desk = ["--key", "net/demo0.key", "--dir", "buyer", "--node", &url];
    let sample = run(fair.dir(), &[&["market", "sample", &offer][..], &desk].concat()).ok();
    assert!(sample.contains("21.") && sample.lines().count() <= 12, "{sample}");
    assert!(fair.channels().is_empty(), "a sample needs no channel");

    let buyer = fair.buy(&offer, 5_000, &["--limit", "10", "--csv", "bought.csv"]);
    for expected in 0..10_u64 {
        let reading = buyer.json();
        assert_eq!(reading["chunk"], expected, "{reading}");
        assert_eq!(reading["text"], format!("21.{expected}"));
        assert_eq!(reading["ticks"], expected + 1, "one tick a reading");
        assert_eq!(reading["proved"], true, "its batch was held against the committee");
    }
    assert!(buyer.wait().success());
    let table = std::fs::read_to_string(fair.dir().join("bought.csv")).unwrap();
    let readings = table.lines().count() as u64 - 1;
    assert_eq!(readings, 10, "as many as were wanted, and no more is paid: {table}");

    // While `sell` runs, its folder is its own; told to end, it claims.
    fair.of_seller("claim", &[]).fails(1, &["is in use", "\"next\""]);
    assert!(seller.terminate().success());
    let channels = fair.channels();
    let [channel] = channels.as_slice() else { panic!("{channels:?}") };
    assert_eq!(
        (number(&channel["claimed"]), number(&channel["paid_out"])),
        (readings, readings * PRICE)
    );
    assert_eq!(number(&channel["rest"]), 5_000 - readings * PRICE);

    let id = channel["id"].as_str().unwrap();
    let closed = json(&fair.of_seller("close", &[id]).ok());
    assert_eq!(closed["state"], "closed");
    assert!(fair.channels().is_empty());
    let bond = number(&json(&listed)["bond"]);
    let buyer_after = fair.owns(0, "net/demo0.key");
    let seller_after = fair.owns(0, "net/demo1.key");
    assert_eq!(buyer_before - buyer_after, readings * PRICE);
    assert_eq!(seller_after + bond - seller_before, readings * PRICE);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_again_and_again_nothing_is_paid_twice_or_lost() {
    const READINGS: u64 = 400;
    const PER_CHUNK: u64 = 4;
    let fair = Fair::open();
    let count = PER_CHUNK.to_string();
    let more = ["--count", &count, "--every", "60"];
    let mut seller = fair.sell(&more);
    let offer = event(&seller, "open")["offer"].as_str().unwrap().to_owned();
    (0..READINGS).for_each(|number| seller.write(&number.to_string()));
    for chunk in 0..READINGS / PER_CHUNK {
        assert_eq!(event(&seller, "published")["chunk"], chunk);
    }

    let more_buy = ["--exposure", "1000"];
    let mut buyer = fair.buy(&offer, 100_000, &more_buy);
    let mut bought: BTreeMap<u64, u64> = BTreeMap::new();
    let mut ticks = BTreeSet::new();
    let mut take = |reading: &Value| {
        *bought.entry(number(&reading["text"])).or_default() += 1;
        ticks.insert(number(&reading["ticks"]));
        bought.len() as u64
    };
    for round in 0..5 {
        for _ in 0..37 + 7 * round {
            take(&buyer.json());
        }
        if round % 2 == 0 {
            // Half a line is none: its reading comes again.
            for line in buyer.kill().iter().flat_map(|line| serde_json::from_str(line)) {
                take(&line);
            }
            buyer = fair.buy(&offer, 100_000, &more_buy);
        } else {
            seller.kill();
            seller = fair.sell(&more);
            assert_eq!(event(&seller, "open")["offer"], offer.as_str(), "the same offer");
        }
    }
    while take(&buyer.json()) < READINGS {}
    assert!(buyer.terminate().success());

    // Every reading came; each chunk has one price and one place in the chain.
    assert_eq!(bought.len() as u64, READINGS);
    let places: Vec<_> = (1..=READINGS / PER_CHUNK).map(|chunk| chunk * PER_CHUNK).collect();
    assert_eq!(ticks.into_iter().collect::<Vec<_>>(), places, "no chunk was paid twice");
    assert!(seller.terminate().success());
    let channels = fair.channels();
    let [channel] = channels.as_slice() else { panic!("one channel, not {channels:?}") };
    assert_eq!(number(&channel["claimed"]), READINGS);
    assert_eq!(number(&channel["paid_out"]), READINGS * PRICE);
    assert_eq!(number(&channel["paid_out"]) + number(&channel["rest"]), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_is_a_cap_however_often_the_command_is_run() {
    let fair = Fair::open();
    let mut seller = fair.sell(&[]);
    let offer = event(&seller, "open")["offer"].as_str().unwrap().to_owned();
    (0..400).for_each(|number| seller.write(&number.to_string()));
    event(&seller, "published");
    for readings in [333, 0] {
        let args = fair.buy_args(&offer, 1_000, &[]);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let ended = run(fair.dir(), &args);
        assert_eq!(ended.out.lines().count(), readings, "{ended:?}");
        assert!(ended.err.contains("spent 999 of at most 1000"), "{ended:?}");
    }
    let channels = fair.channels();
    assert_eq!(channels.len(), 1, "{channels:?}");
    assert!(seller.terminate().success());
    assert_eq!(number(&fair.channels()[0]["paid_out"]), 999);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_many_buyers_gets_everything_from_one_ciphertext_a_chunk() {
    let fair = Fair::open();
    let mut seller = fair.sell(&["--count", "2"]);
    let offer = event(&seller, "open")["offer"].as_str().unwrap().to_owned();
    (0..8).for_each(|number| seller.write(&number.to_string()));
    (0..4).for_each(|chunk| assert_eq!(event(&seller, "published")["chunk"], chunk));
    let url = fair.nodes.url(3);
    let args = ["bench", "market", &offer, "--json", "--buyers", "3", "--readings", "7"];
    let desk = ["--from", "0", "--key", "net/demo0.key", "--dir", "many", "--node", &url];
    let told = json(&run(fair.dir(), &[&args[..], &desk].concat()).ok());
    assert_eq!(
        (&told["buyers"], &told["complete"], &told["flaw"]),
        (&3.into(), &3.into(), &Value::Null)
    );
    assert_eq!((&told["readings"], &told["ticks"]), (&24.into(), &24.into()), "whole chunks");
    assert!(seller.terminate().success());
    // One for each chunk, under its sequence, whoever bought it: none for each buyer.
    let once: Vec<_> = (0..4_u64).map(|chunk| chunk.to_be_bytes().to_vec()).collect();
    assert_eq!(fair.ciphertexts(), once);
    let paid: u64 = fair.channels().iter().map(|channel| number(&channel["paid_out"])).sum();
    assert_eq!(paid, 24 * PRICE);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_a_next_step() {
    let fair = Fair::open();
    let url = fair.nodes.url(0);
    let none = "00".repeat(32);
    let desk = ["--key", "net/demo0.key", "--node", &url];
    let on = |args: &[&str]| run(fair.dir(), &[args, &desk].concat());
    on(&["market", "buy", &none, "--max", "1000"]).fails(5, &["no such offer", "market list"]);
    on(&["market", "buy", "xyz", "--max", "1000"]).fails(2, &["64 hexadecimal digits"]);
    on(&["market", "buy", &none, "--max", "0"]).fails(2, &["--max"]);
    on(&["market", "withdraw", &none]).fails(4, &["no such channel", "market channels"]);
    on(&["market", "close", &none]).fails(5, &["channel"]);
    on(&["market", "claim"]).ok();
    let sell = ["market", "sell", "hall/temp", "--price"];
    on(&[&sell[..], &["0"]].concat()).fails(2, &["--price"]);
    on(&[&sell[..], &["1", "--listen", "0.0.0.0:4999"]].concat()).fails(2, &["--advertise"]);
    run(fair.dir(), &["key", "new", "poor.key"]).ok();
    let poor = ["market", "sell", "hall/temp", "--price", "1", "--key", "poor.key"];
    let more = ["--node", &url, "--listen", "127.0.0.1:0"];
    run(fair.dir(), &[&poor[..], &more].concat()).fails(4, &["next:", "weft faucet"]);
}
