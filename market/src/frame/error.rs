//! Why one side refuses to go on, as it tells the other.

use core::fmt;

use weft_core::{
    codec::{Decode, DecodeError, Encode, Reader},
    time::Span,
};

/// A refusal, with what would have been right and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// What was expected, in the unit that the code names; 0 where there is nothing to say.
    pub expected: u64,
    /// When it is worth trying again, from now on; whole milliseconds, at most some 49 days. Zero
    /// means that the same thing will be refused again.
    pub retry_after: Span,
}

impl Refusal {
    /// A refusal for good.
    pub const fn new(code: Code, expected: u64) -> Self {
        Self { code, expected, retry_after: Span::from_millis(0) }
    }

    /// One that passes.
    pub const fn until(code: Code, expected: u64, retry_after: Span) -> Self {
        Self { code, expected, retry_after }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, expected, retry_after } = self;
        write!(f, "{code}")?;
        if *expected > 0 {
            write!(f, " (expected: {expected})")?;
        }
        write!(f, "; {}", code.next_step())?;
        match retry_after.as_millis() {
            0 => Ok(()),
            ms => write!(f, ", in {ms} ms"),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $cause:literal, $next:literal;)*) => {
        /// Why one side refuses to go on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
        #[repr(u8)]
        pub enum Code {
            $($(#[$doc])* #[error($cause)] $name = $number,)*
        }

        impl Code {
            /// All of them, ascending.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number on the wire.
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// What whoever reads it can do.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }

            const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Bytes that are no frame, or one of the other side.
    Malformed = 1, "the bytes are no frame of this protocol", "use a client of this version";
    /// A frame that has no place here, such as a payment before the hello.
    OutOfOrder = 2, "the frame has no place at this point", "begin with an ask or a hello";
    /// Not an offer of this seller, or one that has ended.
    NoSuchOffer = 3, "the offer is not sold here", "list the offers again";
    /// The ledger that the seller sees has no such channel.
    NoSuchChannel = 4, "the ledger has no such open channel", "wait until it is final";
    /// The channel pays somebody else, or for something else.
    OtherTerms = 5, "the channel is not for this offer and seller", "open one for this offer";
    /// The channel's price is not that of the offer. Expected: base units a tick.
    WrongPrice = 6, "the channel has another price", "open a channel at the offer's price";
    /// The channel ends too soon, or its grace is too short. Expected: ms since 1970, or ms of
    /// grace.
    Expiring = 7, "the channel ends too soon", "top up with a later expiry, or open another";
    /// The leaves do not lead to the channel's root.
    BadLeaves = 8, "the leaves are not those of the channel's chain", "send the chain's leaves";
    /// The hello is not signed by the channel's buyer, or for another connection.
    BadSignature = 9, "the hello is not signed by the channel's buyer", "sign with its account";
    /// A payment that is no element of the chain, or at an index that pays for nothing. Expected:
    /// the index.
    BadTick = 10, "the payment does not hold", "pay at the index that is expected";
    /// The next chunk costs more than what is left of the deposit. Expected: index after it.
    DepositUsed = 11, "the deposit is used up", "top up, or open another channel";
    /// The next chunk costs more than what is left of the chain. Expected: the chain's length, or
    /// the index after the chunk.
    ChainUsed = 12, "the pay chain is used up", "open another channel";
    /// The ledger stalls: what is paid now might be claimed too late.
    Paused = 13, "the ledger makes no progress", "wait: service resumes by itself";
    /// A limit of the seller is reached. Expected: the limit.
    Busy = 14, "the seller is at its limit", "try again later";
    /// A chunk costs more than the buyer risks. Expected: the index that would have paid for it.
    TooDear = 15, "the chunk costs more than the buyer risks", "cut smaller chunks";
    /// A chunk is not what the ledger says. Expected: its sequence.
    NotAsSealed = 16, "the chunk is not what its batch says", "look at the stream's batches";
    /// Another connection goes on with this channel.
    Superseded = 17, "another connection has taken the channel over", "use one at a time";
    /// Nothing came for too long.
    Silent = 18, "nothing came for too long", "connect again and resume";
    /// The channel was settled.
    Closed = 19, "the channel is settled", "open another channel";
    /// This side stops.
    Stopping = 20, "this side stops", "connect again and resume";
    /// A key is not the one committed to. Expected: the index that paid for it.
    WrongKey = 21, "the key is not the one committed to", "look at the seller's key store";
    /// Readings are not those committed to. Expected: the chunk's sequence.
    WrongReadings = 22, "the readings are not those committed to", "look at the seller's store";
}

impl Encode for Refusal {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.code.number());
        out.extend_from_slice(&self.expected.to_le_bytes());
        let ms = u32::try_from(self.retry_after.as_millis()).unwrap_or(u32::MAX);
        out.extend_from_slice(&ms.to_le_bytes());
    }
}

impl Decode for Refusal {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.u8()?;
        let unknown = DecodeError::UnknownTag { field: "error code", actual: number.into() };
        let code = Code::from_number(number).ok_or(unknown)?;
        let expected = reader.u64()?;
        let retry_after = Span::from_millis(reader.u32()?.into());
        Ok(Self { code, expected, retry_after })
    }
}
