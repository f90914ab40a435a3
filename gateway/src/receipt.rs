//! Receipts: how far messages have come, as devices and people are told.
//!
//! A receipt goes to `dn/{device}/rcpt` while the device listens, and the last one of a message can
//! be asked for by HTTP. Invariant: "accepted" is told after the queue's sync, "attached" after the
//! node's, "final" when the ledger has the outcome for good.

use bytes::Bytes;
use serde::Serialize;
use weft_core::digest::{BodyId, TxId};

use crate::{device::DeviceName, upload::MessageId};

/// How far messages have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) device: DeviceName,
    /// The messages, all of one device.
    pub(crate) messages: Vec<MessageId>,
    pub(crate) stage: Stage,
}

/// The stages. Each but the first knows the body that the messages are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On the gateway's disk.
    Accepted,
    /// On a node's disk.
    Attached { body: BodyId, tx: TxId },
    /// In the order of all nodes, with its outcome.
    Final { body: BodyId, tx: Option<TxId>, outcome: String },
    /// The node will not have it: a body that the device sealed badly.
    Refused { body: BodyId, reason: String },
}

#[derive(Serialize)]
struct Shown<'a> {
    state: &'static str,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl Receipt {
    /// As devices read it.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let messages = self.messages.iter().map(MessageId::to_string).collect();
        let shown =
            |state| Shown { state, messages, body: None, tx: None, outcome: None, reason: None };
        let shown = match &self.stage {
            Stage::Accepted => shown("accepted"),
            Stage::Attached { body, tx } => Shown {
                body: Some(body.to_string()),
                tx: Some(tx.to_string()),
                ..shown("attached")
            },
            Stage::Final { body, tx, outcome } => Shown {
                body: Some(body.to_string()),
                tx: tx.map(|tx| tx.to_string()),
                outcome: Some(outcome),
                ..shown("final")
            },
            Stage::Refused { body, reason } => {
                Shown { body: Some(body.to_string()), reason: Some(reason), ..shown("refused") }
            }
        };
        serde_json::to_vec(&shown).unwrap_or_default()
    }

    /// Where a device listens for it.
    pub(crate) fn topic(&self) -> String {
        format!("dn/{}/rcpt", self.device)
    }
}

/// What an MQTT broker has to do for the rest of the gateway: bring something to a device, if it
/// listens. (What the gateway does for the broker is [`Intake`](crate::intake::Intake).)
///
/// Invariant: it never waits. A device that does not read loses what does not fit, and asks.
pub(crate) trait MqttFront: Send + Sync {
    /// Brings `payload` to those of the device's connections that subscribed to `topic`.
    fn deliver(&self, device: &DeviceName, topic: &str, payload: Bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_devices_wait_for() {
        let receipt = |stage| Receipt {
            device: "a".parse().unwrap(),
            messages: vec![MessageId(1), MessageId(0xab)],
            stage,
        };
        let json = |stage| String::from_utf8(receipt(stage).to_json()).unwrap();
        let messages = r#""messages":["0000000000000001","00000000000000ab"]"#;
        assert_eq!(json(Stage::Accepted), format!(r#"{{"state":"accepted",{messages}}}"#));
        let (body, tx) = (BodyId([1; 32]), Some(TxId([2; 32])));
        let last = json(Stage::Final { body, tx, outcome: "applied".to_owned() });
        let value: serde_json::Value = serde_json::from_str(&last).unwrap();
        assert_eq!((&value["state"], &value["outcome"]), (&"final".into(), &"applied".into()));
        assert_eq!(value["body"], body.to_string());
        assert_eq!(receipt(Stage::Accepted).topic(), "dn/a/rcpt");
    }
}
