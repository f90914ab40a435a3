//! One reading, one signature, written into memory of the caller.
//!
//! Invariant: what [`seal`] writes decodes everywhere, and is what the builder with an allocator
//! would write: both go through [`Head`], [`Reading`] and [`put_seal`].

use weft_core::{
    codec::{DecodeError, NoRoom, SliceSink},
    digest::{BodyId, Domain, Hasher},
    keys::{KeyError, Scheme, Signer},
    tx::{Head, Reading, put_seal, seal_bytes},
    units::Sequence,
};

use super::FlashError;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its length, in bytes.
    pub bytes: usize,
    /// Its id: receipts name it.
    pub body: BodyId,
    /// Its place among the bodies of the device.
    pub sequence: Sequence,
    /// Length of the reading with its stream name, in bytes: the work depends on it.
    pub content_bytes: usize,
}

/// Bytes that a sealed reading of `content_bytes` (see [`Reading::content_bytes`]) takes under the
/// account's first key. A registration also carries that key.
pub const fn sealed_bytes(scheme: Scheme, content_bytes: usize, registers: bool) -> usize {
    Head::BYTES + Reading::FRAME_BYTES + content_bytes + seal_bytes(scheme, registers)
}

/// Refuses a reading that cannot be sealed into `out`, before a sequence is spent on it.
pub(super) fn fits(reading: &Reading<'_>, scheme: Scheme, out: &[u8]) -> Result<(), SealError> {
    reading.check()?;
    let expected = sealed_bytes(scheme, reading.content_bytes(), false);
    if expected > out.len() {
        return Err(NoRoom { expected, actual: out.len() }.into());
    }
    Ok(())
}

/// Writes `reading` under `head`, signed by `signer`: the key that the head names.
///
/// For devices that count sequences their own way; [`Device`](super::Device) is the usual way in.
pub fn seal(
    head: &Head,
    reading: &Reading<'_>,
    signer: &impl Signer,
    out: &mut [u8],
) -> Result<Sealed, SealError> {
    head.check()?;
    reading.check()?;
    if head.signer.unwrap_or(head.issuer.first_key()) != signer.key_id() {
        return Err(SealError::OtherKey);
    }
    let mut hasher = Hasher::new(Domain::Body);
    head.put(&mut hasher);
    reading.put(&mut hasher);
    let body = BodyId(hasher.finish());

    let mut out = SliceSink::new(out);
    head.put(&mut out);
    reading.put(&mut out);
    put_seal(signer, &body, head.sequence.registers(), &mut out)?;
    let content_bytes = reading.content_bytes();
    Ok(Sealed { bytes: out.finish()?, body, sequence: head.sequence, content_bytes })
}

/// Why nothing was sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The reading or the head breaks a rule.
    #[error(transparent)]
    Shape(#[from] DecodeError),
    /// The buffer is too small.
    #[error(transparent)]
    Room(#[from] NoRoom),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The head names another key than the one at hand.
    #[error("the body names another key than the one at hand; load the right one")]
    OtherKey,
    /// No sequence could be reserved.
    #[error(transparent)]
    Flash(#[from] FlashError),
}
