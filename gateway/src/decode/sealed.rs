//! A body that the device sealed itself: the gateway attaches it and cannot change it.
//!
//! What can be checked here is checked before it is acknowledged: that it is a body of this
//! network with a reading in it and, where it brings its key, that its signature holds. The key of
//! an account that is registered is the ledger's to know; a bad signature there is told by a
//! receipt.

use weft_core::{
    codec::Decode as _,
    keys::{HostVerifier, Verify as _},
    tx::{NetworkId, SealedBody},
};

use super::{Decoded, FormatError};

pub(super) fn decode(payload: &[u8], network: Option<NetworkId>) -> Result<Decoded, FormatError> {
    let wrong = |cause: String| FormatError::Sealed { cause };
    let sealed = SealedBody::from_bytes(payload).map_err(|error| wrong(error.to_string()))?;
    let body = &sealed.body;
    if network.is_some_and(|network| network != body.network) {
        return Err(wrong(format!("it is for network {}, not this one", body.network)));
    }
    if body.payload.reading().is_none() {
        return Err(wrong("devices post readings here, nothing else".to_owned()));
    }
    let id = body.id();
    if let Some(key) = &sealed.seal.key {
        HostVerifier
            .verify(key, id.as_bytes(), &sealed.seal.signature)
            .map_err(|error| wrong(error.to_string()))?;
    }
    Ok(Decoded::Sealed(Box::new(sealed), id))
}

#[cfg(test)]
mod tests {
    use weft_client::Builder;
    use weft_core::{
        address::Address,
        codec::Encode as _,
        keys::{DeviceKey, Scheme, Sign as _},
        tx::ContentType,
        units::Sequence,
    };

    use super::*;

    fn sealed(sequence: u64) -> SealedBody {
        let key = DeviceKey::from_seed(Scheme::MlDsa44, &[7; 32]).unwrap();
        let builder = Builder::new(NetworkId([1; 4]), Address::of(key.public_key().id()));
        let draft = builder.reading(Sequence(sequence), "a/b", ContentType::TEXT, b"21.4");
        draft.unwrap().seal(&key).unwrap()
    }

    #[test]
    fn a_sealed_body_is_taken_untouched_on_its_own_network_alone() {
        for sequence in [0, 5] {
            let sealed = sealed(sequence);
            let id = sealed.body.id();
            for network in [None, Some(NetworkId([1; 4]))] {
                let expected = Decoded::Sealed(Box::new(sealed.clone()), id);
                assert_eq!(decode(&sealed.to_bytes(), network), Ok(expected));
            }
            let foreign = decode(&sealed.to_bytes(), Some(NetworkId([2; 4]))).unwrap_err();
            assert!(foreign.to_string().contains("network"), "{foreign}");
        }
    }

    #[test]
    fn a_registration_with_a_bad_signature_is_refused_at_once() {
        let mut bytes = sealed(0).to_bytes();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert!(decode(&bytes, None).is_err());
        assert!(decode(&bytes[..last], None).is_err());
    }
}
