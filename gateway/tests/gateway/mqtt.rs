//! MQTT with a client that is not ours (rumqttc, with a codec of its own), in both versions.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode, Packet as PacketV5, PubAckReason, PublishProperties,
    SubscribeReasonCode,
};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS,
    SubscribeReasonCode as SubscribeCode,
};
use rumqttc::{v5, v5::mqttbytes::QoS as QoS5};
use weft_gateway::Gateway;

use crate::support::{DEADLINE, World, get, nowhere, readings, texts};

fn v4_client(gateway: &Gateway, device: &str, token: &str) -> (AsyncClient, EventLoop) {
    let port = gateway.addresses().mqtt.port();
    let mut options = MqttOptions::new("client", "127.0.0.1", port);
    options.set_credentials(device, token);
    AsyncClient::new(options, 32)
}

fn v5_client(gateway: &Gateway, device: &str, token: &str) -> (v5::AsyncClient, v5::EventLoop) {
    let port = gateway.addresses().mqtt.port();
    let mut options = v5::MqttOptions::new("client", "127.0.0.1", port);
    options.set_credentials(device, token);
    v5::AsyncClient::new(options, 32)
}

/// The next packet that comes and is one of those `wanted`.
async fn next<T>(events: &mut EventLoop, wanted: impl Fn(Packet) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Event::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(packet)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.unwrap()
}

async fn next_v5<T>(events: &mut v5::EventLoop, wanted: impl Fn(PacketV5) -> Option<T>) -> T {
    let found = async {
        loop {
            if let v5::Event::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(packet)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.unwrap()
}

/// Polls until the connection ends.
async fn end(events: &mut EventLoop) -> ConnectionError {
    let ended = async {
        loop {
            if let Err(error) = events.poll().await {
                return error;
            }
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.unwrap()
}

fn puback(packet: PacketV5) -> Option<PubAckReason> {
    match packet {
        PacketV5::PubAck(ack) => Some(ack.reason),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_of_v3_is_final_and_its_receipts_come() {
    let world = World::new();
    let token = world.device("thermo-1");
    let (node, api) = world.node().await;
    let gateway = world.gateway(api.url()).await;
    let (client, mut events) = v4_client(&gateway, "thermo-1", &token);
    client.subscribe("dn/thermo-1/#", QoS::AtLeastOnce).await.unwrap();
    client.subscribe("dn/other/#", QoS::AtLeastOnce).await.unwrap();
    let suback = |packet| match packet {
        Packet::SubAck(ack) => Some(ack.return_codes),
        _ => None,
    };
    assert_eq!(next(&mut events, suback).await, [SubscribeCode::Success(QoS::AtMostOnce)]);
    assert_eq!(next(&mut events, suback).await, [SubscribeCode::Failure]);
    client.publish("up/thermo-1/temp", QoS::AtLeastOnce, false, "21.4").await.unwrap();
    let mut states = Vec::new();
    while states.last().is_none_or(|state| state != "final") {
        let payload = next(&mut events, |packet| match packet {
            Packet::Publish(publish) => Some(publish.payload),
            _ => None,
        });
        let receipt: serde_json::Value = serde_json::from_slice(&payload.await).unwrap();
        states.push(receipt["state"].as_str().unwrap().to_owned());
    }
    assert_eq!(states, ["accepted", "attached", "final"]);
    assert_eq!(texts(&readings(&api, "thermo-1/temp", 1).await), ["21.4"]);
    gateway.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v5_gets_a_reason_for_each_refusal_and_keeps_its_connection() {
    let world = World::new();
    let token = world.device_with("a", |device| device.quota.messages_per_day = 1);
    let gateway = world.gateway(&nowhere()).await;
    let (client, mut events) = v5_client(&gateway, "a", &token);
    let publish = async |topic: &str, payload: &str, json: bool| {
        let content_type = json.then(|| "application/json".to_owned());
        let properties = PublishProperties { content_type, ..PublishProperties::default() };
        let payload = payload.to_owned();
        client
            .publish_with_properties(topic, QoS5::AtLeastOnce, false, payload, properties)
            .await
            .unwrap();
    };
    for (topic, payload, json, expected) in [
        ("up/b/temp", "1", false, PubAckReason::NotAuthorized),
        ("up/a/temp", "{", true, PubAckReason::PayloadFormatInvalid),
        ("up/a/temp", "1", false, PubAckReason::Success),
        ("up/a/temp", "2", false, PubAckReason::QuotaExceeded),
    ] {
        publish(topic, payload, json).await;
        assert_eq!(next_v5(&mut events, puback).await, expected, "{topic} {payload}");
    }
    client.subscribe("dn/b/#", QoS5::AtLeastOnce).await.unwrap();
    let suback = |packet| match packet {
        PacketV5::SubAck(ack) => Some(ack.return_codes),
        _ => None,
    };
    assert_eq!(next_v5(&mut events, suback).await, [SubscribeReasonCode::NotAuthorized]);

    let (_client, mut events) = v5_client(&gateway, "a", "wrong");
    let refused = tokio::time::timeout(DEADLINE, events.poll()).await.unwrap().unwrap_err();
    let code = ConnectReturnCode::BadUserNamePassword;
    assert!(
        matches!(&refused, v5::ConnectionError::ConnectionRefused(found) if *found == code),
        "{refused:?}"
    );
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_has_no_codes_so_its_link_is_dropped() {
    let world = World::new();
    let token = world.device_with("a", |device| device.quota.messages_per_day = 1);
    let gateway = world.gateway(&nowhere()).await;
    for (topic, payload) in [("up/b/temp", "1"), ("up/a/temp", "{")] {
        let (client, mut events) = v4_client(&gateway, "a", &token);
        client.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        end(&mut events).await;
    }
    let (client, mut events) = v4_client(&gateway, "a", &token);
    client.publish("up/a/temp", QoS::AtLeastOnce, false, "1").await.unwrap();
    next(&mut events, |packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
    client.publish("up/a/temp", QoS::AtLeastOnce, false, "2").await.unwrap();
    end(&mut events).await;
    let (_, mut events) = v4_client(&gateway, "a", "wrong");
    assert!(matches!(end(&mut events).await, ConnectionError::ConnectionRefused(_)));
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    for reason in ["login", "not_allowed", "format", "quota"] {
        let line = format!("weft_gateway_refused_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quality_two_is_taken_once_and_completed() {
    let world = World::new();
    let token = world.device("a");
    let gateway = world.gateway(&nowhere()).await;
    let (client, mut events) = v4_client(&gateway, "a", &token);
    for _ in 0..3 {
        client.publish("up/a/temp", QoS::ExactlyOnce, false, "1").await.unwrap();
        next(&mut events, |packet| matches!(packet, Packet::PubComp(_)).then_some(())).await;
    }
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    assert!(metrics.contains("weft_gateway_accepted_total 3\n"), "{metrics}");
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_is_let_go_within_five_seconds() {
    let world = World::new();
    let token = world.device("a");
    let gateway = world.gateway(&nowhere()).await;
    let (_client, mut events) = v5_client(&gateway, "a", &token);
    next_v5(&mut events, |packet| matches!(packet, PacketV5::ConnAck(_)).then_some(())).await;
    world.change(|registrar| {
        registrar.registry.devices.values_mut().for_each(|device| device.enabled = false);
    });
    let told = async {
        loop {
            if let Err(error) = events.poll().await {
                return error;
            }
        }
    };
    // The client makes an error of a DISCONNECT.
    let told = tokio::time::timeout(Duration::from_secs(5), told).await.unwrap();
    let v5::ConnectionError::MqttState(v5::StateError::ServerDisconnect { reason_code, .. }) = told
    else {
        panic!("{told:?}")
    };
    assert_eq!(reason_code, DisconnectReasonCode::NotAuthorized);
    gateway.shutdown().await;
}
