//! What packets mean, whichever version they are of. [`super::v3`] and [`super::v5`] translate.

use std::num::NonZeroU16;

use bytes::Bytes;
use rmqtt_codec::types::QoS;

use crate::{decode::Declared, upload::Refusal};

/// The first packet of a connection.
#[derive(Debug)]
pub(super) struct Connect {
    pub(super) client: String,
    pub(super) user: String,
    pub(super) password: Bytes,
    /// Seconds; 0 = none.
    pub(super) keep_alive: u16,
    pub(super) will: Option<Publish>,
}

/// A message of a device.
#[derive(Debug)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: QoS,
    /// With QoS 1 and 2.
    pub(super) id: Option<NonZeroU16>,
    pub(super) is_resent: bool,
    /// `Err`: a type that is not known here.
    pub(super) declared: Result<Declared, String>,
}

/// What a device sends.
#[derive(Debug)]
pub(super) enum Received {
    Publish(Publish),
    /// The third step of QoS 2.
    Release(NonZeroU16),
    Subscribe {
        id: NonZeroU16,
        filters: Vec<String>,
    },
    Unsubscribe {
        id: NonZeroU16,
        filters: Vec<String>,
    },
    Ping,
    /// `true`: its will is to be published all the same.
    Disconnect(bool),
    /// What answers to something that the gateway does not send.
    Other,
}

/// Why a connection ends from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The gateway ends.
    Stopping,
    /// The same client came again.
    TakenOver,
    /// The device was switched off, or has another token now.
    SwitchedOff,
    /// Nothing was heard for one and a half times as long as agreed.
    Silent,
    /// More messages unacknowledged than agreed, or a packet that has no place here.
    Protocol,
}

/// What the gateway sends.
#[derive(Debug)]
pub(super) enum Sent {
    /// With the client identifier that was missing, if it was.
    Accepted {
        assigned: Option<String>,
    },
    NotAccepted(Refusal),
    /// For a message with QoS 1 or 2, as `is_exact` tells.
    Acknowledged {
        id: NonZeroU16,
        is_exact: bool,
        receipt: String,
    },
    /// The same, refused. Version 3.1.1 has no word for it.
    Refused {
        id: NonZeroU16,
        is_exact: bool,
        refusal: Refusal,
    },
    Completed(NonZeroU16),
    /// Which filters were granted.
    Subscribed(NonZeroU16, Vec<bool>),
    Unsubscribed(NonZeroU16, usize),
    Pong,
    Down {
        topic: String,
        payload: Bytes,
    },
    Farewell(Farewell),
}
