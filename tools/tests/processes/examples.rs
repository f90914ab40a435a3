//! The two examples of `weft-client`, word for word: one sells, the other buys from it.

use std::{cell::RefCell, time::Duration};

use tokio::{sync::mpsc, time::timeout};

use crate::support::{DEADLINE, Nodes};

#[allow(clippy::duplicate_mod, dead_code, unreachable_pub, reason = "its main is for people")]
#[path = "../../../client/examples/buy.rs"]
mod buy;
#[allow(clippy::duplicate_mod, dead_code, unreachable_pub, reason = "its main is for people")]
#[path = "../../../client/examples/sell.rs"]
mod sell;

#[tokio::test]
async fn what_the_one_sells_the_other_buys() {
    let nodes = Nodes::start_all_with_little_work(1);
    let (url, dir) = (nodes.url(0), nodes.dir());
    let key = |name: &str| dir.join("net").join(name).display().to_string();
    let (offered, mut offers) = mpsc::channel(1);
    let told = |offer: &str| offered.try_send(offer.to_owned()).unwrap();
    let (seller, shop) = (key("demo1.key"), dir.join("example-sell"));
    let selling = sell::sell(&url, &seller, "127.0.0.1:0", &shop, told);
    let bought = RefCell::new(Vec::new());
    let buying = async {
        let offer = offers.recv().await.unwrap();
        let told = |text: &str| bought.borrow_mut().push(text.to_owned());
        let (buyer, purse) = (key("demo0.key"), dir.join("example-buy"));
        buy::buy(&url, &buyer, &offer, &purse, told).await
    };
    // A reading a second, and time to become final.
    let patience = DEADLINE + Duration::from_secs(10);
    tokio::select! {
        sold = selling => panic!("it sells for ever: {sold:?}"),
        bought = timeout(patience, buying) => bought.expect("an end in time").unwrap(),
    }
    let numbers: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(bought.into_inner(), numbers);
}
