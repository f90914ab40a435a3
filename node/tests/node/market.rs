//! Offers and channels over HTTP: from the body that makes them to what is left at the end.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use weft_core::{
    digest::{BodyId, NodeId},
    market::{
        chain::{PayChain, Salt},
        terms::{Sample, Unit},
    },
    time::{Span, Time},
    tx::{
        ChannelClaim, ChannelClose, ChannelOpen, Claim, Offer, OfferEnd, Payload, SealedBody,
        StreamName, Title,
    },
    units::Amount,
};

use crate::support::{World, account::Account, http::Api};

const HOUR: Span = Span::from_secs(3_600);

fn offer(stream: &str, source: &Account, expiry: Time) -> Payload {
    Payload::Offer(Offer {
        stream: StreamName::parse(stream).unwrap(),
        source: source.address(),
        title: Title::parse("Hall, °C").unwrap(),
        unit: Unit::Reading,
        price: Amount(2),
        sample: Sample { readings: 5, delay_s: 600 },
        endpoint: NodeId([7; 32]),
        addresses: vec!["192.0.2.1:4810".parse().unwrap()],
        terms: [0; 32],
        expiry,
    })
}

fn open(offer: BodyId, payee: &Account, chain: &PayChain, expiry: Time) -> Payload {
    Payload::ChannelOpen(ChannelOpen {
        offer,
        payee: payee.address(),
        salt: *chain.salt(),
        deposit: Amount(10_000),
        price: Amount(2),
        length: chain.length(),
        root: chain.root(),
        expiry,
        grace: HOUR,
    })
}

fn claim(chain: &mut PayChain, index: u32) -> Claim {
    Claim { index, word: chain.word(index).unwrap(), path: chain.path(index).unwrap() }
}

async fn applied(api: &Api, sealed: &SealedBody) -> BodyId {
    let done = api.settle(sealed).await.expect(201);
    assert_eq!(done.json["outcome"]["code"], "applied", "{done:?}");
    sealed.body.id()
}

/// An hour from now. The ledger's time follows the validators' clocks from the second commit on.
fn in_an_hour() -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time::from_millis(u64::try_from(now.as_millis()).unwrap()) + HOUR
}

async fn balance(api: &Api, account: &Account) -> u64 {
    let path = format!("/v1/accounts/{}", account.address_text());
    api.get(&path).await.expect(200).text("balance").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_listed_by_page_stream_and_seller() {
    let world = World::of_one(&[1, 2]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (one, other) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    applied(&api, &one.reading("s", "1")).await;
    let expiry = in_an_hour();
    let mut ids = Vec::new();
    for (seller, stream) in [(&one, "hall"), (&one, "yard"), (&other, "hall")] {
        ids.push(applied(&api, &seller.say(offer(stream, seller, expiry))).await);
    }
    let listed = async |query: &str| -> Vec<String> {
        let page = api.get(&format!("/v1/market/offers?{query}")).await.expect(200);
        let offers = page.json["offers"].as_array().unwrap();
        offers.iter().map(|offer| offer["id"].as_str().unwrap().to_owned()).collect()
    };
    let texts = |numbers: &[usize]| {
        let mut texts: Vec<_> = numbers.iter().map(|number| ids[*number].to_string()).collect();
        texts.sort_unstable();
        texts
    };
    let sorted = async |query: &str| {
        let mut listed = listed(query).await;
        listed.sort_unstable();
        listed
    };
    assert_eq!(sorted("").await, texts(&[0, 1, 2]));
    assert_eq!(sorted("stream=hall").await, texts(&[0, 2]));
    assert_eq!(sorted(&format!("seller={}", one.address_text())).await, texts(&[0, 1]));
    let both = format!("seller={}&stream=hall", other.address_text());
    assert_eq!(sorted(&both).await, texts(&[2]));

    // One by one, to the place that stays.
    let (mut after, mut found) = ("0".to_owned(), Vec::new());
    loop {
        let page = api.get(&format!("/v1/market/offers?limit=1&after={after}")).await.expect(200);
        found.extend(page.json["offers"].as_array().unwrap().iter().cloned());
        if page.text("next") == after {
            break;
        }
        after = page.text("next").to_owned();
    }
    let found: Vec<_> = found.iter().map(|offer| offer["id"].as_str().unwrap()).collect();
    assert_eq!(found, listed("").await);

    let shown = api.get(&format!("/v1/market/offers/{}", ids[0])).await.expect(200);
    assert_eq!(
        (shown.text("stream"), shown.text("price"), shown.text("unit")),
        ("hall", "2", "reading")
    );
    assert_eq!((shown.text("seller"), shown.text("bond")), (&*one.address_text(), "10000"));
    assert_eq!(shown.json["addresses"], serde_json::json!(["192.0.2.1:4810"]));
    assert_eq!((&shown.json["terms"], &shown.json["sample_readings"]), (&Value::Null, &5.into()));
    assert_eq!(balance(&api, &one).await, 980_000);
    applied(&api, &one.say(Payload::OfferEnd(OfferEnd { offer: ids[0] }))).await;
    assert_eq!(balance(&api, &one).await, 990_000);
    let gone = api.get(&format!("/v1/market/offers/{}", ids[0])).await;
    assert_eq!(gone.code(), (404, "not_found"));
    assert_eq!(sorted("stream=hall").await, texts(&[2]));
    assert_eq!(api.get("/v1/market/offers?after=x").await.code(), (400, "parameter"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_shown_until_it_is_closed_and_after() {
    let world = World::of_one(&[1, 2]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (seller, buyer) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    applied(&api, &seller.reading("s", "1")).await;
    let expiry = in_an_hour();
    let listed = applied(&api, &seller.say(offer("hall", &seller, expiry))).await;
    let mut chain = PayChain::new(Salt([1; 28]), [2; 32], 4_000).unwrap();
    let id = applied(&api, &buyer.say(open(listed, &seller, &chain, expiry))).await;
    let path = format!("/v1/market/channels/{id}");
    let before = api.get(&path).await.expect(200);
    assert_eq!((before.text("state"), before.text("rest")), ("open", "10000"));
    assert_eq!(
        (before.text("payer"), before.text("payee")),
        (&*buyer.address_text(), &*seller.address_text())
    );
    assert_eq!(before.json["due"], (expiry + HOUR).as_millis());

    let pays = |claim| Payload::ChannelClaim(ChannelClaim { channel: id, claim });
    applied(&api, &buyer.say(pays(claim(&mut chain, 900)))).await;
    let other = Claim { index: 901, ..claim(&mut chain, 900) };
    let refused = api.settle(&buyer.say(pays(other))).await.expect(201);
    assert_eq!(refused.json["outcome"]["code"], "bad_claim");
    let paid = api.get(&path).await.expect(200);
    assert_eq!(
        (paid.text("entitled"), paid.text("paid_out"), paid.text("rest")),
        ("1800", "1800", "8200")
    );
    assert_eq!(paid.json["claimed"], 900);
    for account in [&seller, &buyer] {
        let page = api.get(&format!("/v1/accounts/{}/channels", account.address_text())).await;
        assert_eq!(page.expect(200).json["channels"][0]["id"], id.to_string());
    }

    let close = ChannelClose { channel: id, claim: Some(claim(&mut chain, 1_000)) };
    let close = seller.say(Payload::ChannelClose(close));
    applied(&api, &close).await;
    let ended = api.get(&path).await.expect(200);
    assert_eq!(
        (ended.text("state"), ended.text("paid_out"), ended.text("rest")),
        ("closed", "2000", "8000")
    );
    let fate = api.get(&format!("/v1/bodies/{}", close.body.id())).await.expect(200);
    assert_eq!(ended.json["ended"]["commit"], fate.json["commit"]);
    assert_eq!(fate.json["content"]["kind"], "channel_close");
    assert_eq!((balance(&api, &seller).await, balance(&api, &buyer).await), (992_000, 998_000));
    let none = api.get(&format!("/v1/accounts/{}/channels", buyer.address_text())).await;
    assert_eq!(none.expect(200).json["channels"], serde_json::json!([]));
    let unknown = api.get(&format!("/v1/market/channels/{listed}")).await;
    assert_eq!(unknown.code(), (404, "not_found"));

    let history = api.get(&format!("/v1/accounts/{}/history", buyer.address_text())).await;
    let history = history.expect(200);
    let kinds: Vec<_> = history.json["bodies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|done| &done["content"]["kind"])
        .collect();
    assert_eq!(kinds, ["channel_open", "channel_claim", "channel_claim"]);
}
