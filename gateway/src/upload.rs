//! What comes in through any front, and what goes back.
//!
//! Invariant: an [`Accepted`] exists only for what is on disk.

use std::{fmt, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use weft_core::time::Time;

use crate::{
    decode::{Declared, FormatError},
    device::DeviceName,
};

/// One message of a device that has proved who it is.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) device: DeviceName,
    /// The stream, without the device.
    pub(crate) stream: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) declared: Declared,
    pub(crate) delivery: Delivery,
}

/// By what a repeat of the same delivery is known, where the payload itself does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// By nothing: two messages are two readings.
    Unnamed,
    /// By a name that the sender never uses again, such as an idempotency key.
    Once([u8; 32]),
    /// By a name that the sender uses again, such as a packet identifier: a repeat says that it
    /// is one.
    Marked {
        name: [u8; 32],
        /// Whether this one says so.
        is_resent: bool,
    },
    /// By a name that the sender does not use again for so long.
    Within([u8; 32], Duration),
}

/// A name made of all `parts`, each told from the next.
pub(crate) fn delivery_name(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut name = [0; 32];
    name.copy_from_slice(context.finish().as_ref());
    name
}

/// The number of a message at this gateway: what receipts go by. Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A message that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) id: MessageId,
    /// It was there before.
    pub(crate) is_repeat: bool,
    pub(crate) at: Time,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Who sends has not proved who it is, or is switched off.
    #[error("name and token do not belong together, or the device is switched off")]
    Login,
    /// A topic of somebody else, or none that there is.
    #[error(
        "{device} may not use {topic:?}; it publishes to up/{device}/STREAM and subscribes below \
        dn/{device}/"
    )]
    NotAllowed { device: DeviceName, topic: String },
    /// The payload is not what it says.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The device sent or cost as much as it may today.
    #[error("{device} has used up its {what} of this day; it may go on after midnight UTC")]
    Quota { device: DeviceName, what: &'static str, retry_after: Duration },
    /// More waits than may wait.
    #[error("the gateway holds as much as it can; try again in {} s", .retry_after.as_secs())]
    Full { retry_after: Duration },
    /// The disk failed, or the gateway ends. What was sent may be on disk.
    #[error("the gateway cannot write to its disk; its log says why")]
    Storage,
}

impl Refusal {
    /// After which time the same may be taken.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Quota { retry_after, .. } | Self::Full { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// What programs and metrics go by.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Format(_) => "format",
            Self::Quota { .. } => "quota",
            Self::Full { .. } => "full",
            Self::Storage => "storage",
        }
    }
}
