//! How a connection ends: a code that programs read and a reason that people read.

use std::fmt;

use bytes::Bytes;
use quinn::{ConnectionError, VarInt};
use weft_core::machine::{DropReason, Fault};

/// Why a connection was closed on purpose. The number travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The node is going down.
    Shutdown,
    /// Another connection between the same two nodes stays.
    Duplicate,
    /// Another version of the protocol.
    WrongVersion,
    /// Another genesis.
    WrongNetwork,
    /// The same genesis with other parameters.
    WrongParameters,
    /// No Hello in time, or something else in its place.
    NoHello,
    /// There are enough peers.
    Full,
    /// The other end did what an honest node never does.
    Fault,
    /// The other end reads more slowly than we have to say.
    TooSlow,
    /// The machine closed it.
    Dropped,
    /// A code that this version does not know.
    Unknown,
}

impl CloseCode {
    const NUMBERS: [(Self, u32); 10] = [
        (Self::Shutdown, 0),
        (Self::Duplicate, 1),
        (Self::WrongVersion, 2),
        (Self::WrongNetwork, 3),
        (Self::WrongParameters, 4),
        (Self::NoHello, 5),
        (Self::Full, 6),
        (Self::Fault, 7),
        (Self::TooSlow, 8),
        (Self::Dropped, 9),
    ];
    const UNKNOWN: u32 = 255;

    /// The number on the wire.
    pub fn number(self) -> u32 {
        let found = Self::NUMBERS.into_iter().find(|(code, _)| *code == self);
        found.map_or(Self::UNKNOWN, |(_, number)| number)
    }

    /// The code of a number on the wire.
    pub fn of(number: u64) -> Self {
        let found = Self::NUMBERS.into_iter().find(|(_, known)| u64::from(*known) == number);
        found.map_or(Self::Unknown, |(code, _)| code)
    }
}

/// The last words on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// For programs.
    pub code: CloseCode,
    /// For people; at most 256 bytes of it travel.
    pub reason: String,
}

/// Longest reason, in bytes. It has to fit one packet.
const REASON_BYTES_MAX: usize = 256;

impl Farewell {
    /// A farewell.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    pub(crate) fn fault(fault: &Fault) -> Self {
        Self::new(CloseCode::Fault, fault.to_string())
    }

    pub(crate) fn dropped(reason: &DropReason) -> Self {
        Self::new(CloseCode::Dropped, reason.to_string())
    }

    pub(crate) fn duplicate() -> Self {
        Self::new(CloseCode::Duplicate, "another connection between the two nodes stays")
    }

    pub(crate) fn shutdown() -> Self {
        Self::new(CloseCode::Shutdown, "the node is going down")
    }

    pub(crate) fn too_slow(waiting: usize) -> Self {
        let reason = format!("too slow: {waiting} bytes wait to be sent, the queue is full");
        Self::new(CloseCode::TooSlow, reason)
    }

    /// What the other end said, if it closed `error`'s connection on purpose. The text is a
    /// stranger's: cut to length and without control characters.
    pub(crate) fn of_peer(error: &ConnectionError) -> Option<Self> {
        let ConnectionError::ApplicationClosed(close) = error else { return None };
        let said = close.reason.get(..REASON_BYTES_MAX).unwrap_or(&close.reason);
        let reason = String::from_utf8_lossy(said);
        let reason = reason.chars().filter(|letter| !letter.is_control()).collect::<String>();
        Some(Self { code: CloseCode::of(close.error_code.into_inner()), reason })
    }

    /// Ends `connection`. Whatever it still had to send is lost.
    pub(crate) fn close(&self, connection: &quinn::Connection) {
        let reason = Bytes::copy_from_slice(self.reason.as_bytes());
        let cut = reason.get(..REASON_BYTES_MAX).unwrap_or(&reason);
        connection.close(VarInt::from_u32(self.code.number()), cut);
    }
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_wire() {
        for (code, number) in CloseCode::NUMBERS {
            assert_eq!(code.number(), number);
            assert_eq!(CloseCode::of(number.into()), code);
        }
        assert_eq!(CloseCode::of(77), CloseCode::Unknown);
    }

    #[test]
    fn a_strangers_reason_is_cut_and_cleaned() {
        let mut reason = b"red \x1b[31m".to_vec();
        reason.resize(5_000, b'x');
        let error = ConnectionError::ApplicationClosed(quinn::ApplicationClose {
            error_code: VarInt::from_u32(6),
            reason: reason.into(),
        });
        let farewell = Farewell::of_peer(&error).unwrap();
        assert_eq!(farewell.code, CloseCode::Full);
        assert!(farewell.reason.starts_with("red [31mxxx"));
        assert!(farewell.reason.len() <= REASON_BYTES_MAX);
    }
}
