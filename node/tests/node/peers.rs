//! A node among peers that are made by hand: keys that are missing, bytes that come twice, seals
//! that do not fit.

use weft_core::{
    codec::Encode as _,
    digest::TxId,
    keys::Sign as _,
    message::{End, Message},
};
use weft_net::FromNet;

use crate::support::{
    World,
    account::{Account, forged},
    http::Api,
    peer::Peer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_asked_for_and_what_waited_is_taken() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let mut peer = Peer::connect(&world.genesis, 77, &node).await;
    let account = Account::new(&world.genesis, 1);
    // The registration never comes, only what follows it.
    let first = account.attach(account.reading_at(1, "s", b"one"), [TxId::ZERO; 2]);
    let second = account.attach(account.reading_at(2, "s", b"two"), [TxId::ZERO, first.id()]);
    peer.say(Message::Transaction(first.to_bytes().into()));
    peer.say(Message::Transaction(second.to_bytes().into()));
    let key = account.key().public_key();
    let (ticket, asked) = peer
        .asked(|message| match message {
            Message::GetKey(id) => Some(*id),
            _ => None,
        })
        .await;
    assert_eq!(asked, key.id());
    let held = Api::of(&node).get("/v1/status").await;
    assert_eq!(held.json["held"]["count"], 2);
    peer.answer(ticket, vec![Message::Key(key.clone()), Message::End(End { next: None })]);
    let api = Api::of(&node);
    api.until_attached(&first.id()).await;
    api.until_attached(&second.id()).await;
    assert_eq!(api.get("/v1/status").await.json["held"]["count"], 0);
    // The key is kept: what follows needs no question.
    let third = account.attach(account.reading_at(3, "s", b"three"), [TxId::ZERO, second.id()]);
    api.post_transaction(&third).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_come_twice_are_checked_once() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let peer = Peer::connect(&world.genesis, 77, &node).await;
    let account = Account::new(&world.genesis, 1);
    let tx = account.attach(account.reading("s", "0"), [TxId::ZERO; 2]);
    peer.say(Message::Transaction(tx.to_bytes().into()));
    peer.say(Message::Transaction(tx.to_bytes().into()));
    let api = Api::of(&node);
    api.until_attached(&tx.id()).await;
    // The same under another seal is no fault of whoever passes it on.
    peer.say(Message::Transaction(forged(&tx).to_bytes().into()));
    let next = account.attach(account.reading("s", "1"), [TxId::ZERO, tx.id()]);
    peer.say(Message::Transaction(next.to_bytes().into()));
    api.until_attached(&next.id()).await;
    let log = api.get("/v1/transactions").await;
    assert_eq!(log.json["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(api.get("/v1/peers").await.json["peers"][0]["score"], 1_000);
    // The machine hears of it: it decides whether the link is superfluous.
    let metrics = String::from_utf8(api.get("/metrics").await.bytes).unwrap();
    for line in ["{kind=\"admitted\"} 2", "{kind=\"repeated\"} 1"] {
        assert!(metrics.contains(&format!("weft_inputs_total{line}")), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_seal_ends_the_connection_and_blocks_nothing() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    let first = api.post_body(&account.reading("s", "0")).await.expect(201).id();
    let tx = account.attach(account.reading("s", "1"), [TxId::ZERO, first]);
    let mut liar = Peer::connect(&world.genesis, 77, &node).await;
    liar.say(Message::Transaction(forged(&tx).to_bytes().into()));
    liar.until(|event| matches!(event, FromNet::PeerDown { .. }).then_some(())).await;

    let honest = Peer::connect(&world.genesis, 78, &node).await;
    honest.say(Message::Transaction(tx.to_bytes().into()));
    let seen = api.until_attached(&tx.id()).await;
    assert_eq!(seen["text"], "1");
    let metrics = String::from_utf8(api.get("/metrics").await.bytes).unwrap();
    let line = "weft_refusals_total{source=\"gossip\",reason=\"seal\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_attachment_travels_without_its_body() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    let sealed = account.reading("s", "0");
    let first = api.post_body(&sealed).await.expect(201).id();
    let mut peer = Peer::connect(&world.genesis, 77, &node).await;
    let again = account.attach(sealed.clone(), [TxId::ZERO, first]);
    let body = sealed.body.id();
    peer.say(Message::Attachment { attachment: again.attachment, body });
    // Of a body that is not here: it is asked for as a whole.
    let other = account.reading("s", "1");
    let unknown = account.attach(other.clone(), [TxId::ZERO, again.id()]);
    let body = other.body.id();
    peer.say(Message::Attachment { attachment: unknown.attachment, body });
    let (ticket, wanted) = peer
        .asked(|message| match message {
            Message::GetTransactions(ids) => Some(ids.clone()),
            _ => None,
        })
        .await;
    assert_eq!(wanted, [unknown.id()]);
    let parts =
        vec![Message::Transaction(unknown.to_bytes().into()), Message::End(End { next: None })];
    peer.answer(ticket, parts);
    api.until_attached(&unknown.id()).await;
    let log = api.get("/v1/transactions").await;
    let ids: Vec<_> = log.json["transactions"].as_array().unwrap().iter().collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[1]["id"], again.id().to_string());
}
