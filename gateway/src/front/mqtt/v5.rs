//! MQTT 5: from and to its packets, with a reason for each refusal.

use std::num::NonZeroU16;

use rmqtt_codec::{
    MqttPacket,
    types::{Publish as Message, QoS},
    v5::{
        Connect as First, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, Packet,
        PublishAck, PublishAck2, PublishAck2Reason, PublishAckReason, PublishProperties,
        SubscribeAck, SubscribeAckReason, UnsubscribeAck, UnsubscribeAckReason,
    },
};

use super::{
    PACKET_BYTES_MAX, UNACKNOWLEDGED_MAX,
    packets::{Connect, Farewell, Publish, Received, Sent},
};
use crate::{decode::Declared, upload::Refusal};

pub(super) fn connect(first: First) -> Connect {
    let will = first.last_will.map(|will| Publish {
        topic: will.topic.to_string(),
        payload: will.message,
        qos: will.qos,
        id: None,
        is_resent: false,
        declared: declared(will.content_type.as_deref()),
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
        Packet::Publish(message) => publish(*message).map_or(Received::Other, Received::Publish),
        Packet::PublishRelease(PublishAck2 { packet_id, .. }) => Received::Release(packet_id),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.topic_filters.into_iter().map(|(filter, _)| filter.to_string());
            Received::Subscribe { id: subscribe.packet_id, filters: filters.collect() }
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters = unsubscribe.topic_filters.into_iter().map(|filter| filter.to_string());
            Received::Unsubscribe { id: unsubscribe.packet_id, filters: filters.collect() }
        }
        Packet::PingRequest => Received::Ping,
        Packet::Disconnect(disconnect) => {
            let with_will = DisconnectReasonCode::DisconnectWithWillMessage;
            Received::Disconnect(disconnect.reason_code == with_will)
        }
        _ => Received::Other,
    }
}

/// `None` for one with a topic alias: CONNACK allows none.
fn publish(message: Message) -> Option<Publish> {
    let properties = message.properties.unwrap_or_default();
    if properties.topic_alias.is_some() {
        return None;
    }
    Some(Publish {
        topic: message.topic.to_string(),
        payload: message.payload,
        qos: message.qos,
        id: message.packet_id,
        is_resent: message.dup,
        declared: declared(properties.content_type.as_deref()),
    })
}

fn declared(content_type: Option<&str>) -> Result<Declared, String> {
    let text = content_type.unwrap_or_default();
    Declared::media_type(text).ok_or_else(|| text.to_owned())
}

/// The packet for it.
pub(super) fn sent(sent: Sent) -> MqttPacket {
    let packet = match sent {
        Sent::Accepted { assigned } => Packet::ConnectAck(Box::new(ConnectAck {
            assigned_client_id: assigned.map(Into::into),
            ..connack(ConnectAckReason::Success)
        })),
        Sent::NotAccepted(refusal) => Packet::ConnectAck(Box::new(connack(match refusal {
            Refusal::Login => ConnectAckReason::BadUserNameOrPassword,
            _ => ConnectAckReason::ServerUnavailable,
        }))),
        Sent::Acknowledged { id, is_exact, receipt } => {
            let properties = vec![("receipt".into(), receipt.into())];
            let ack = PublishAck { packet_id: id, properties, ..puback(id) };
            if is_exact { Packet::PublishReceived(ack) } else { Packet::PublishAck(ack) }
        }
        Sent::Refused { id, is_exact, refusal } => {
            let reason_string = Some(refusal.to_string().into());
            let wait = refusal.retry_after().map(|wait| wait.as_secs().to_string().into());
            let properties = wait.map(|wait| ("retry-after".into(), wait)).into_iter().collect();
            let reason_code = reason(&refusal);
            let ack = PublishAck { reason_code, reason_string, properties, ..puback(id) };
            if is_exact { Packet::PublishReceived(ack) } else { Packet::PublishAck(ack) }
        }
        Sent::Completed(packet_id) => Packet::PublishComplete(PublishAck2 {
            packet_id,
            reason_code: PublishAck2Reason::Success,
            properties: Vec::new(),
            reason_string: None,
        }),
        Sent::Subscribed(packet_id, granted) => {
            let code = |granted: bool| match granted {
                true => SubscribeAckReason::GrantedQos0,
                false => SubscribeAckReason::NotAuthorized,
            };
            let status = granted.into_iter().map(code).collect();
            let (properties, reason_string) = (Vec::new(), None);
            Packet::SubscribeAck(SubscribeAck { packet_id, properties, reason_string, status })
        }
        Sent::Unsubscribed(packet_id, count) => {
            let status = vec![UnsubscribeAckReason::Success; count];
            let (properties, reason_string) = (Vec::new(), None);
            Packet::UnsubscribeAck(UnsubscribeAck { packet_id, properties, reason_string, status })
        }
        Sent::Pong => Packet::PingResponse,
        Sent::Down { topic, payload } => Packet::Publish(Box::new(Message {
            dup: false,
            retain: false,
            qos: QoS::AtMostOnce,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: Some(PublishProperties {
                content_type: Some("application/json".into()),
                ..PublishProperties::default()
            }),
        })),
        Sent::Farewell(farewell) => Packet::Disconnect(Disconnect::new(code(farewell))),
    };
    MqttPacket::V5(packet)
}

fn connack(reason_code: ConnectAckReason) -> ConnectAck {
    ConnectAck {
        reason_code,
        // A session ends with its connection.
        session_expiry_interval_secs: Some(0),
        receive_max: NonZeroU16::new(UNACKNOWLEDGED_MAX).unwrap_or(NonZeroU16::MIN),
        max_packet_size: Some(PACKET_BYTES_MAX),
        topic_alias_max: 0,
        retain_available: false,
        subscription_identifiers_available: false,
        shared_subscription_available: false,
        ..ConnectAck::default()
    }
}

fn puback(packet_id: NonZeroU16) -> PublishAck {
    let (reason_code, reason_string) = (PublishAckReason::Success, None);
    PublishAck { packet_id, reason_code, properties: Vec::new(), reason_string }
}

const fn reason(refusal: &Refusal) -> PublishAckReason {
    match refusal {
        // 0x87
        Refusal::Login | Refusal::NotAllowed { .. } => PublishAckReason::NotAuthorized,
        // 0x99
        Refusal::Format(_) => PublishAckReason::PayloadFormatInvalid,
        // 0x97
        Refusal::Quota { .. } | Refusal::Full { .. } => PublishAckReason::QuotaExceeded,
        Refusal::Storage => PublishAckReason::ImplementationSpecificError,
    }
}

const fn code(farewell: Farewell) -> DisconnectReasonCode {
    match farewell {
        Farewell::Stopping => DisconnectReasonCode::ServerShuttingDown,
        Farewell::TakenOver => DisconnectReasonCode::SessionTakenOver,
        Farewell::SwitchedOff => DisconnectReasonCode::NotAuthorized,
        Farewell::Silent => DisconnectReasonCode::KeepAliveTimeout,
        Farewell::Protocol => DisconnectReasonCode::ProtocolError,
    }
}
