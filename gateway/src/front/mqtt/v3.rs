//! MQTT 3.1.1 (and 3.1): from and to its packets.

use rmqtt_codec::{
    MqttPacket,
    types::{Publish as Message, QoS},
    v3::{Connect as First, ConnectAck, ConnectAckReason, Packet, SubscribeReturnCode},
};

use super::packets::{Connect, Publish, Received, Sent};
use crate::{decode::Declared, upload::Refusal};

pub(super) fn connect(first: First) -> Connect {
    let will = first.last_will.map(|will| Publish {
        topic: will.topic.to_string(),
        payload: will.message,
        qos: will.qos,
        id: None,
        is_resent: false,
        declared: Ok(Declared::Nothing),
    });
    Connect {
        client: first.client_id.to_string(),
        user: first.username.map(|user| user.to_string()).unwrap_or_default(),
        password: first.password.unwrap_or_default(),
        keep_alive: first.keep_alive,
        will,
    }
}

pub(super) fn received(packet: Packet) -> Received {
    match packet {
        Packet::Publish(message) => Received::Publish(publish(*message)),
        Packet::PublishRelease { packet_id } => Received::Release(packet_id),
        Packet::Subscribe { packet_id, topic_filters } => {
            let filters = topic_filters.into_iter().map(|(filter, _)| filter.to_string());
            Received::Subscribe { id: packet_id, filters: filters.collect() }
        }
        Packet::Unsubscribe { packet_id, topic_filters } => {
            let filters = topic_filters.into_iter().map(|filter| filter.to_string());
            Received::Unsubscribe { id: packet_id, filters: filters.collect() }
        }
        Packet::PingRequest => Received::Ping,
        Packet::Disconnect => Received::Disconnect(false),
        _ => Received::Other,
    }
}

fn publish(message: Message) -> Publish {
    Publish {
        topic: message.topic.to_string(),
        payload: message.payload,
        qos: message.qos,
        id: message.packet_id,
        is_resent: message.dup,
        declared: Ok(Declared::Nothing),
    }
}

/// The packet for it; `None` where this version has none, and the connection has to end.
pub(super) fn sent(sent: Sent) -> Option<MqttPacket> {
    let connack =
        |return_code| Packet::ConnectAck(ConnectAck { return_code, session_present: false });
    let packet = match sent {
        Sent::Accepted { .. } => connack(ConnectAckReason::ConnectionAccepted),
        Sent::NotAccepted(Refusal::Login) => connack(ConnectAckReason::BadUserNameOrPassword),
        Sent::NotAccepted(_) => connack(ConnectAckReason::ServiceUnavailable),
        Sent::Acknowledged { id: packet_id, is_exact: false, .. } => {
            Packet::PublishAck { packet_id }
        }
        Sent::Acknowledged { id: packet_id, is_exact: true, .. } => {
            Packet::PublishReceived { packet_id }
        }
        Sent::Completed(packet_id) => Packet::PublishComplete { packet_id },
        Sent::Subscribed(packet_id, granted) => {
            let code = |granted: bool| match granted {
                true => SubscribeReturnCode::Success(QoS::AtMostOnce),
                false => SubscribeReturnCode::Failure,
            };
            Packet::SubscribeAck { packet_id, status: granted.into_iter().map(code).collect() }
        }
        Sent::Unsubscribed(packet_id, _) => Packet::UnsubscribeAck { packet_id },
        Sent::Pong => Packet::PingResponse,
        Sent::Down { topic, payload } => Packet::Publish(Box::new(Message {
            dup: false,
            retain: false,
            qos: QoS::AtMostOnce,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: None,
        })),
        Sent::Refused { .. } | Sent::Farewell(_) => return None,
    };
    Some(MqttPacket::V3(packet))
}
