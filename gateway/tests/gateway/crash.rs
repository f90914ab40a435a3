//! What was acknowledged is on the ledger once, whatever ended in between.

use weft_client::Builder;
use weft_core::{
    address::Address,
    codec::Encode as _,
    keys::{HostKey, Scheme, Sign as _},
    time::Time,
    tx::ContentType,
    units::Sequence,
};

use crate::support::{World, final_receipt, nowhere, post, readings, texts};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_without_a_node_arrives_once_and_in_order() {
    let world = World::new();
    let token = world.device("a");
    let gateway = world.gateway(&nowhere()).await;
    for number in 0..20 {
        let (status, _) = post(&gateway, "/up/a/n", &token, &[], number.to_string()).await;
        assert_eq!(status, 201);
    }
    gateway.shutdown().await;

    let (node, client) = world.node().await;
    let gateway = world.gateway(client.url()).await;
    let (status, answer) = post(&gateway, "/up/a/n", &token, &[], "last").await;
    assert_eq!(status, 201);
    let found = readings(&client, "a/n", 21).await;
    let mut expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    expected.push("last".to_owned());
    assert_eq!(texts(&found), expected);
    let id = answer["messages"][0].as_str().unwrap();
    let receipt = final_receipt(&gateway, &format!("/receipts/a/{id}"), &token).await;
    assert_eq!(receipt["outcome"], "applied");
    gateway.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_in_the_middle_goes_on_with_the_same_bodies() {
    let world = World::new();
    let token = world.device("a");
    let (node, client) = world.node().await;
    let mut sent = Vec::new();
    for round in 0..6 {
        let gateway = world.gateway(client.url()).await;
        for number in 0..10 {
            let text = format!("{round}.{number}");
            let (status, _) = post(&gateway, "/up/a/n", &token, &[], text.clone()).await;
            assert_eq!(status, 201);
            sent.push(text);
        }
        // Wherever each of them is now: waiting, sealed, with the node, not yet final.
        gateway.shutdown().await;
    }
    let gateway = world.gateway(client.url()).await;
    let (_, answer) = post(&gateway, "/up/a/n", &token, &[], "end").await;
    sent.push("end".to_owned());
    let id = answer["messages"][0].as_str().unwrap();
    final_receipt(&gateway, &format!("/receipts/a/{id}"), &token).await;
    let found = readings(&client, "a/n", sent.len()).await;
    let mut sequences: Vec<_> = found.iter().map(|reading| reading.sequence).collect();
    assert_eq!(texts(&found), sent);
    sequences.dedup();
    assert_eq!(sequences.len(), sent.len());
    gateway.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_put_together_are_one_body_for_all() {
    let world = World::new();
    let token = world.device_with("b", |device| device.batch = true);
    let (node, client) = world.node().await;
    let mut config = world.config(client.url());
    config.queue.batch_messages = 5;
    let gateway = world.gateway_with(config).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let (_, answer) = post(&gateway, "/up/b/n", &token, &[], number.to_string()).await;
        ids.push(answer["messages"][0].clone());
    }
    let path = format!("/receipts/b/{}", ids[0].as_str().unwrap());
    let receipt = final_receipt(&gateway, &path, &token).await;
    assert_eq!(receipt["messages"], serde_json::Value::from(ids), "{receipt}");
    let found = readings(&client, "b/n", 1).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].content.content_type, ContentType::BATCH.0);
    gateway.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_the_device_sealed_days_ago_is_attached_as_it_is() {
    let world = World::new();
    let token = world.device("s");
    let (node, client) = world.node().await;
    let gateway = world.gateway(client.url()).await;
    let key = HostKey::from_seed(Scheme::MlDsa44, &[3; 32]).unwrap();
    let network = client.tips().await.unwrap().network;
    let builder = Builder::new(network, Address::of(key.public_key().id()));
    let draft = builder.reading(Sequence(0), "own/stream", ContentType::TEXT, "21.4").unwrap();
    let sealed = draft.time(Time::from_millis(1_000)).seal(&key).unwrap();
    let kind = [("content-type", "application/vnd.weft.body")];
    let (status, answer) = post(&gateway, "/up/s/x", &token, &kind, sealed.to_bytes()).await;
    assert_eq!(status, 201, "{answer}");
    let (again, repeat) = post(&gateway, "/up/s/x", &token, &kind, sealed.to_bytes()).await;
    assert_eq!((again, &repeat["messages"]), (200, &answer["messages"]));
    let path = format!("/receipts/s/{}", answer["messages"][0].as_str().unwrap());
    let receipt = final_receipt(&gateway, &path, &token).await;
    assert_eq!(receipt["body"], sealed.body.id().to_string());
    let found = readings(&client, "own/stream", 1).await;
    assert_eq!((texts(&found), found[0].time), (vec!["21.4"], 1_000));
    gateway.shutdown().await;
    node.shutdown().await;
}
