//! From a reading, a transfer, a rotation or a word of the market to a sealed body: what a device
//! says, and signs once.
//!
//! Invariant: what [`Draft::seal`] returns decodes everywhere. Every rule about the shape of a body
//! is checked here, before the one signature is spent.
//!
//! Left out on purpose: who counts sequences and who knows the time. Both are arguments, because a
//! device may have to reserve the first in flash and may not have the second at all.

use alloc::vec::Vec;

use bytes::Bytes;
use weft_core::{
    address::Address,
    codec::{Decode as _, DecodeError, Encode as _},
    digest::KeyId,
    keys::{KeyError, Sign},
    params::PAYLOAD_BYTES_MAX,
    time::Time,
    tx::{
        Body, CommitRef, ContentType, Data, KeyRotate, NetworkId, Output, Payload, Seal,
        SealedBody, StreamName, Transfer,
    },
    units::Sequence,
};

/// Makes drafts for one account on one network.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    network: NetworkId,
    issuer: Address,
    signer: Option<KeyId>,
}

impl Builder {
    /// Bodies of `issuer` on `network`, signed by the account's first key.
    pub const fn new(network: NetworkId, issuer: Address) -> Self {
        Self { network, issuer, signer: None }
    }

    /// Bodies signed by `key`, to which the account has rotated.
    #[must_use]
    pub fn signed_by(self, key: KeyId) -> Self {
        // The first key is written as "none": one body, one byte string.
        Self { signer: (key != self.issuer.first_key()).then_some(key), ..self }
    }

    /// The account it drafts for.
    pub const fn issuer(&self) -> Address {
        self.issuer
    }

    /// The network it drafts for.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// A draft of one reading in `stream` (1 to 64 bytes of UTF-8 without control characters).
    ///
    /// `sequence` is below 2^63 and used once per account; 0 registers the account and must be
    /// signed by its first key. Stream name and `bytes` together hold at most 24 KiB.
    pub fn reading(
        &self,
        sequence: Sequence,
        stream: &str,
        content_type: ContentType,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Draft, DraftError> {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        let data = Data { stream: StreamName::parse(stream)?, content_type, bytes };
        self.draft(sequence, Payload::Data(data))
    }

    /// A draft of a transfer: 1 to 64 outputs above 0, and at most 64 bytes of `reference` that
    /// say what sender and receiver agreed on.
    pub fn transfer(
        &self,
        sequence: Sequence,
        outputs: Vec<Output>,
        reference: impl AsRef<[u8]>,
    ) -> Result<Draft, DraftError> {
        let reference = Bytes::copy_from_slice(reference.as_ref());
        self.draft(sequence, Payload::Transfer(Transfer::new(outputs, reference)?))
    }

    /// A draft of a rotation to `next`, which signs here that it agrees. Once it took effect,
    /// bodies are [`signed_by`](Self::signed_by) `next`; this one still is by the key before.
    ///
    /// `sequence` is above 0: the first body brings the first key.
    pub fn rotation(&self, sequence: Sequence, next: &dyn Sign) -> Result<Draft, DraftError> {
        let rotation = KeyRotate::new(self.network, &self.issuer, sequence, next)?;
        self.draft(sequence, Payload::KeyRotate(rotation))
    }

    /// A draft of any payload, such as those of the market (docs/MARKET.md). One that no node would
    /// take is refused here: it is read as a node would read it.
    ///
    /// A body's id names what it opens: an offer or a channel has the id of the body that says so.
    pub fn say(&self, sequence: Sequence, payload: Payload) -> Result<Draft, DraftError> {
        let actual = payload.content_bytes();
        if actual > PAYLOAD_BYTES_MAX {
            return Err(DraftError::TooLong { actual });
        }
        let payload = Payload::from_bytes(&payload.to_bytes())?;
        self.draft(sequence, payload)
    }

    fn draft(&self, sequence: Sequence, payload: Payload) -> Result<Draft, DraftError> {
        let body = Body {
            network: self.network,
            issuer: self.issuer,
            signer: self.signer,
            sequence,
            time: Time::ZERO,
            expires: Time::ZERO,
            beacon: CommitRef::NONE,
            payload,
        };
        well_formed(&body)?;
        Ok(Draft { body })
    }
}

/// A body that is not signed yet. Nothing about it is fixed before [`Draft::seal`].
#[derive(Clone, Debug)]
pub struct Draft {
    body: Body,
}

impl Draft {
    /// Sets the device's clock; informative. Without it the body says "no clock".
    #[must_use]
    pub fn time(mut self, time: Time) -> Self {
        self.body.time = time;
        self
    }

    /// Sets the ledger time from which the body may not take effect. Without it, never.
    #[must_use]
    pub fn expires(mut self, expires: Time) -> Self {
        self.body.expires = expires;
        self
    }

    /// Names a recent commit: proves "signed after that commit". Without it, proves nothing.
    #[must_use]
    pub fn beacon(mut self, beacon: CommitRef) -> Self {
        self.body.beacon = beacon;
        self
    }

    /// The body as it stands.
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Signs it. `key` must be the one that the body names: the account's first key, or the one of
    /// [`Builder::signed_by`].
    pub fn seal(self, key: &dyn Sign) -> Result<SealedBody, DraftError> {
        let (expected, actual) = (self.body.signing_key(), key.public_key().id());
        if expected != actual {
            return Err(DraftError::OtherKey { expected, actual });
        }
        let seal = Seal::new(&self.body, key)?;
        Ok(SealedBody { body: self.body, seal })
    }
}

/// The rules that a decoder would apply to the bytes, applied before they are signed.
fn well_formed(body: &Body) -> Result<(), DraftError> {
    if body.sequence.0 >= Sequence::LIMIT {
        return Err(DraftError::Sequence { actual: body.sequence });
    }
    let rotates = matches!(body.payload, Payload::KeyRotate(_));
    if body.sequence.registers() && (rotates || body.signer.is_some()) {
        return Err(DraftError::Registration);
    }
    let actual = body.payload.content_bytes();
    if actual > PAYLOAD_BYTES_MAX {
        return Err(DraftError::TooLong { actual });
    }
    Ok(())
}

/// Why a draft cannot become a sealed body. Always the caller's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The stream name, an output or the reference breaks a rule.
    #[error(transparent)]
    Payload(#[from] DecodeError),
    /// Too much for one body.
    #[error(
        "too long: a reading holds at most {PAYLOAD_BYTES_MAX} bytes with its stream name, \
        this one {actual}; split it"
    )]
    TooLong {
        /// Length found, in bytes.
        actual: usize,
    },
    /// All sequences are used.
    #[error("sequences are below 2^63, not {actual}")]
    Sequence {
        /// The sequence asked for.
        actual: Sequence,
    },
    /// Sequence 0 under a rotated key, or for one.
    #[error("sequence 0 registers the account: it is signed by its first key and brings no other")]
    Registration,
    /// The key at hand is not the one the body names.
    #[error("the body names key {expected}, but the key at hand is {actual}; load the right one")]
    OtherKey {
        /// The key that the body names.
        expected: KeyId,
        /// The key that was to sign.
        actual: KeyId,
    },
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weft_core::{
        digest::BodyId,
        keys::{DeviceKey, DeviceVerifier, Scheme, Verify as _},
        market::chain::{ClaimPath, PayWord},
        tx::{ChannelClose, ChannelWithdraw, Claim},
        units::Amount,
    };

    use super::*;

    const NETWORK: NetworkId = NetworkId([0xde, 0xad, 0xbe, 0xef]);

    fn key(seed: u8) -> DeviceKey {
        DeviceKey::from_seed(Scheme::MlDsa44, &[seed; 32]).unwrap()
    }

    fn builder(key: &DeviceKey) -> Builder {
        Builder::new(NETWORK, Address::of(key.public_key().id()))
    }

    #[test]
    fn a_sealed_body_says_what_was_drafted_and_its_signature_holds() {
        let key = key(1);
        let beacon = CommitRef { tag: [3; 16], ..CommitRef::NONE };
        let sealed = builder(&key)
            .reading(Sequence(5), "hall/temp", ContentType::JSON, br#"{"v":21.4}"#)
            .unwrap()
            .time(Time::from_millis(11))
            .expires(Time::from_millis(12))
            .beacon(beacon)
            .seal(&key)
            .unwrap();

        let body = &sealed.body;
        assert_eq!((body.network, body.issuer), (NETWORK, Address::of(key.public_key().id())));
        assert_eq!((body.signer, body.sequence, body.beacon), (None, Sequence(5), beacon));
        assert_eq!((body.time.as_millis(), body.expires.as_millis()), (11, 12));
        let data = body.payload.reading().unwrap();
        assert_eq!((data.stream.as_str(), data.content_type), ("hall/temp", ContentType::JSON));
        assert_eq!(data.bytes, br#"{"v":21.4}"#[..]);

        let message = body.id();
        let verdict =
            DeviceVerifier.verify(key.public_key(), message.as_bytes(), &sealed.seal.signature);
        assert_eq!(verdict, Ok(()));
        assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
    }

    #[test]
    fn a_registration_carries_its_key_and_only_a_registration_does() {
        let key = key(2);
        for sequence in [0, 1] {
            let draft =
                builder(&key).reading(Sequence(sequence), "a", ContentType::RAW, []).unwrap();
            let sealed = draft.seal(&key).unwrap();
            assert_eq!(sealed.seal.key.is_some(), sequence == 0);
            assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        }
    }

    #[test]
    fn sealing_twice_gives_the_same_bytes() {
        let key = key(3);
        let draft = builder(&key).reading(Sequence(9), "a", ContentType::RAW, b"x").unwrap();
        assert_eq!(draft.clone().seal(&key).unwrap(), draft.seal(&key).unwrap());
    }

    #[test]
    fn a_rotated_key_is_named_and_the_first_one_is_not() {
        let (first, second) = (key(4), key(5));
        let draft = |by: &DeviceKey, sequence| {
            let builder = builder(&first).signed_by(by.public_key().id());
            builder.reading(Sequence(sequence), "a", ContentType::RAW, b"x")
        };
        assert_eq!(draft(&first, 1).unwrap().body().signer, None);
        let rotated = draft(&second, 1).unwrap();
        assert_eq!(rotated.body().signer, Some(second.public_key().id()));
        let sealed = rotated.seal(&second).unwrap();
        assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        assert_eq!(draft(&second, 0).unwrap_err(), DraftError::Registration);
    }

    #[test]
    fn a_transfer_pays_whom_it_names() {
        let key = key(10);
        let outputs = vec![Output { to: builder(&key).issuer(), amount: Amount(7) }];
        let draft = builder(&key).transfer(Sequence(1), outputs.clone(), b"thanks").unwrap();
        let sealed = draft.seal(&key).unwrap();
        let Payload::Transfer(transfer) = &sealed.body.payload else { panic!("a transfer") };
        assert_eq!((transfer.outputs(), transfer.total()), (outputs.as_slice(), Amount(7)));
        assert_eq!(transfer.reference(), "thanks");
        assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        let nothing = builder(&key).transfer(Sequence(1), Vec::new(), []);
        assert!(matches!(nothing, Err(DraftError::Payload(_))));
    }

    #[test]
    fn the_next_key_agrees_to_one_rotation_alone() {
        let (first, next) = (key(11), key(12));
        let sealed = builder(&first).rotation(Sequence(3), &next).unwrap().seal(&first).unwrap();
        let Payload::KeyRotate(rotation) = &sealed.body.payload else { panic!("a rotation") };
        let holds = |sequence| {
            let (issuer, id) = (&sealed.body.issuer, next.public_key().id());
            let message = KeyRotate::message(NETWORK, issuer, Sequence(sequence), &id);
            DeviceVerifier.verify(&rotation.key, &message, &rotation.proof).is_ok()
        };
        assert_eq!([holds(3), holds(4)], [true, false]);
        assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        let first_body = builder(&first).rotation(Sequence(0), &next);
        assert_eq!(first_body.unwrap_err(), DraftError::Registration);
    }

    #[test]
    fn words_of_the_market_are_read_before_they_are_signed() {
        let key = key(13);
        let wish = ChannelWithdraw { channel: BodyId([1; 32]) };
        let draft = builder(&key).say(Sequence(1), Payload::ChannelWithdraw(wish)).unwrap();
        let sealed = draft.seal(&key).unwrap();
        assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        let claim = Claim { index: 0, word: PayWord([1; 32]), path: ClaimPath::default() };
        let nothing = ChannelClose { channel: BodyId([1; 32]), claim: Some(claim) };
        let nothing = builder(&key).say(Sequence(1), Payload::ChannelClose(nothing));
        assert!(matches!(nothing, Err(DraftError::Payload(_))), "a claim of no ticks");
        let stream = StreamName::parse("s").unwrap();
        let bytes = vec![0; PAYLOAD_BYTES_MAX].into();
        let long = Payload::Data(Data { stream, content_type: ContentType::RAW, bytes });
        let long = builder(&key).say(Sequence(1), long).unwrap_err();
        assert_eq!(long, DraftError::TooLong { actual: PAYLOAD_BYTES_MAX + 4 });
    }

    #[test]
    fn the_wrong_key_is_named_in_the_error() {
        let (ours, other) = (key(6), key(7));
        let draft = builder(&ours).reading(Sequence(1), "a", ContentType::RAW, b"x").unwrap();
        let expected = ours.public_key().id();
        let actual = other.public_key().id();
        assert_eq!(draft.seal(&other), Err(DraftError::OtherKey { expected, actual }));
    }

    #[test]
    fn what_no_node_would_take_is_refused_before_it_is_signed() {
        let builder = builder(&key(8));
        let reading = |sequence, stream: &str, length| {
            let bytes = vec![0; length];
            builder.reading(Sequence(sequence), stream, ContentType::RAW, bytes).map(|_| ())
        };
        // One byte of length, one of name and two of content type stand before the bytes.
        assert_eq!(reading(1, "a", PAYLOAD_BYTES_MAX - 4), Ok(()));
        let actual = PAYLOAD_BYTES_MAX + 1;
        assert_eq!(reading(1, "a", PAYLOAD_BYTES_MAX - 3), Err(DraftError::TooLong { actual }));
        assert_eq!(reading(Sequence::LIMIT - 1, "a", 0), Ok(()));
        let actual = Sequence(Sequence::LIMIT);
        assert_eq!(reading(Sequence::LIMIT, "a", 0), Err(DraftError::Sequence { actual }));
        for stream in ["", "a\nb", &"x".repeat(65)] {
            assert!(matches!(reading(1, stream, 0), Err(DraftError::Payload(_))), "{stream:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whatever_is_sealed_decodes(
            sequence in 0..Sequence::LIMIT,
            stream in "[^\\p{Cc}]{1,16}",
            content_type in any::<u16>(),
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            times in any::<[u64; 2]>(),
        ) {
            let key = key(9);
            let stream: String = stream.chars().take(16).collect();
            let sealed = builder(&key)
                .reading(Sequence(sequence), &stream, ContentType(content_type), bytes)
                .unwrap()
                .time(Time::from_millis(times[0]))
                .expires(Time::from_millis(times[1]))
                .seal(&key)
                .unwrap();
            prop_assert_eq!(SealedBody::from_bytes(&sealed.to_bytes()), Ok(sealed));
        }
    }
}
