//! Who a node is: an ML-DSA-44 key, and the certificate that carries it into TLS.
//!
//! A node's id is the [`KeyId`](weft_core::digest::KeyId) of the key in its certificate. Of a
//! certificate nothing counts but that key: who holds it is proved by the signature over the
//! handshake (TLS 1.3 CertificateVerify), not by the certificate, which anyone may copy.
//!
//! Invariant: each [`Identity::certify`] gives other bytes, so one certificate lives as long as one
//! run of a node, and two connections with one certificate come from one run. The registry builds
//! on that to tell a restarted peer from a second connection.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    hmac,
    signature::{KeyPair as _, ML_DSA_44_SIGNING, PqdsaKeyPair},
};
use bytes::Bytes;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, PublicKeyData, SerialNumber, SigningKey,
};
use rustls::{
    CertificateError,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::ParsedCertificate,
};
use weft_core::{
    digest::NodeId,
    keys::{PublicKey, Scheme},
};

/// What stands before the raw key in the SubjectPublicKeyInfo of an ML-DSA-44 key (RFC 9881): a
/// sequence of the algorithm id 2.16.840.1.101.3.4.3.17 and a bit string of 1,312 bytes.
const KEY_INFO_PREFIX: [u8; 22] = [
    0x30, 0x82, 0x05, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
    0x11, 0x03, 0x82, 0x05, 0x21, 0x00,
];

/// A node's key.
#[derive(Clone)]
pub struct Identity {
    key: Arc<PqdsaKeyPair>,
    public: PublicKey,
    resets: hmac::Key,
}

impl Identity {
    /// The identity that `seed` makes. Whoever has the seed is the node.
    pub fn from_seed(seed: [u8; Scheme::SEED_BYTES]) -> Result<Self, IdentityError> {
        let key =
            PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &seed).map_err(|_| IdentityError::Key)?;
        let raw = Bytes::copy_from_slice(key.public_key().as_ref());
        let public = PublicKey::new(Scheme::MlDsa44, raw).map_err(|_| IdentityError::Key)?;
        let resets = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &seed), b"weft stateless reset");
        let resets = hmac::Key::new(hmac::HMAC_SHA256, resets.as_ref());
        Ok(Self { key: Arc::new(key), public, resets })
    }

    /// The node's id.
    pub fn node_id(&self) -> NodeId {
        self.public.id().into()
    }

    /// The node's public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// A secret that outlives a restart: it lets a restarted node tell peers that their old
    /// connection is gone (RFC 9000 section 10.3) instead of letting it time out.
    pub(crate) const fn reset_key(&self) -> &hmac::Key {
        &self.resets
    }

    /// A new self-signed certificate and the key in PKCS #8.
    pub(crate) fn certify(
        &self,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "weft");
        let run: [u8; 16] = rand::random();
        params.serial_number = Some(SerialNumber::from_slice(&run));
        let certificate =
            params.self_signed(&Signer(&self.key)).map_err(|_| IdentityError::Certificate)?;
        let key = self.key.to_pkcs8v1().map_err(|_| IdentityError::Key)?;
        Ok((certificate.into(), PrivatePkcs8KeyDer::from(key.as_ref().to_vec()).into()))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.node_id()).finish()
    }
}

/// The id that a certificate names. That its sender holds the key is not checked here.
pub(crate) fn named_by(certificate: &CertificateDer<'_>) -> Result<NodeId, rustls::Error> {
    let info = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    let raw = info.strip_prefix(&KEY_INFO_PREFIX).ok_or(CertificateError::BadEncoding)?;
    let key = PublicKey::new(Scheme::MlDsa44, Bytes::copy_from_slice(raw))
        .map_err(|_| CertificateError::BadEncoding)?;
    Ok(key.id().into())
}

/// Lets `rcgen` sign with a key that it cannot load by itself.
struct Signer<'a>(&'a PqdsaKeyPair);

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ML_DSA_44
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = vec![0; self.0.algorithm().signature_len()];
        self.0.sign(message, &mut signature).map_err(|_| rcgen::Error::RingUnspecified)?;
        Ok(signature)
    }
}

/// Why there is no identity. Ours, never a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The library made no key of the seed.
    #[error("the node's seed makes no key; make a new one")]
    Key,
    /// No certificate could be made.
    #[error("the node's key signs no certificate; make a new one")]
    Certificate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_its_node_and_no_two_are_alike() {
        let identity = Identity::from_seed([7; 32]).unwrap();
        assert_eq!(identity.public_key().as_bytes().len(), 1_312);
        let (one, _) = identity.certify().unwrap();
        let (two, _) = identity.certify().unwrap();
        assert_eq!(named_by(&one).unwrap(), identity.node_id());
        assert_eq!(named_by(&two).unwrap(), identity.node_id());
        assert_ne!(one, two);
    }

    #[test]
    fn a_seed_is_a_node() {
        let id = |byte| Identity::from_seed([byte; 32]).unwrap().node_id();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }

    #[test]
    fn a_certificate_of_another_scheme_names_nobody() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ML_DSA_65).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().into();
        assert!(named_by(&certificate).is_err());
        assert!(named_by(&CertificateDer::from(vec![0x30, 0x82])).is_err());
    }
}
