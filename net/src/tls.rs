//! TLS 1.3 and nothing else: one key exchange, one cipher, one kind of signature.
//!
//! X25519MLKEM768 alone is offered and taken, so nobody can talk two nodes down to a key exchange
//! without a post-quantum half. Both ends present a certificate with an ML-DSA-44 key and prove by
//! a signature over the handshake that they hold it; who they are follows from the key alone.
//!
//! Invariant: a connection never resumes an earlier one and carries no early data; each proves both
//! ends afresh.
//!
//! Left out on purpose: names, dates, issuers and the self-signature of certificates. Nobody
//! vouches for nodes, and what CertificateVerify proves, a self-signature cannot add to.

use std::sync::{Arc, OnceLock};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider,
        aws_lc_rs::{cipher_suite, default_provider, kx_group},
        verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    quic::Suite,
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};
use weft_core::digest::NodeId;

use crate::identity::{Identity, named_by};

/// What the protocol is called in the handshake.
pub const ALPN: &[u8] = b"weft/1";

/// A server name that nobody looks at: QUIC wants one, and it is not sent.
pub const SERVER_NAME: &str = "weft.invalid";

/// The algorithms of a connection.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: vec![kx_group::X25519MLKEM768],
        ..default_provider()
    }
}

/// A node's side of TLS, for one run.
#[derive(Clone, Debug)]
pub struct Tls {
    own: NodeId,
    provider: Arc<CryptoProvider>,
    certified: Arc<SingleCertAndKey>,
}

impl Tls {
    /// Makes the certificate of this run.
    pub fn new(identity: &Identity) -> Result<Self, Error> {
        let other = |error| Error::General(format!("{error}"));
        let (certificate, key) = identity.certify().map_err(other)?;
        let provider = Arc::new(provider());
        let certified = CertifiedKey::from_der(vec![certificate], key, &provider)?;
        Ok(Self { own: identity.node_id(), provider, certified: Arc::new(certified.into()) })
    }

    /// For those who dial us.
    pub fn server(&self) -> Result<QuicServerConfig, Error> {
        self.server_for(&[ALPN])
    }

    /// For those who dial us and speak one of `protocols`.
    pub fn server_for(&self, protocols: &[&[u8]]) -> Result<QuicServerConfig, Error> {
        let verifier = self.verifier(None);
        let mut config = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(self.certified.clone());
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        QuicServerConfig::with_initial(config.into(), initial_suite()).map_err(no_suite)
    }

    /// For dialling `expected`; anyone else there is refused. The second value tells who it was.
    pub fn client(
        &self,
        expected: NodeId,
    ) -> Result<(QuicClientConfig, Arc<OnceLock<NodeId>>), Error> {
        self.client_for(expected, ALPN)
    }

    /// The same, to speak `protocol` there.
    pub fn client_for(
        &self,
        expected: NodeId,
        protocol: &[u8],
    ) -> Result<(QuicClientConfig, Arc<OnceLock<NodeId>>), Error> {
        let verifier = self.verifier(Some(expected));
        let presented = verifier.presented.clone();
        let mut config = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(self.certified.clone());
        config.alpn_protocols = vec![protocol.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        let config = QuicClientConfig::with_initial(config.into(), initial_suite());
        Ok((config.map_err(no_suite)?, presented))
    }

    /// The id of this end.
    pub(crate) const fn own(&self) -> NodeId {
        self.own
    }

    fn verifier(&self, expected: Option<NodeId>) -> Verifier {
        let (own, provider) = (self.own, self.provider.clone());
        Verifier { own, expected, presented: Arc::default(), provider }
    }
}

/// The cipher of QUIC's first packets (RFC 9001 section 5.2), whose key is no secret.
pub fn initial_suite() -> Suite {
    cipher_suite::TLS13_AES_128_GCM_SHA256
        .tls13()
        .and_then(|suite| suite.quic_suite())
        .expect("the provider has the cipher that QUIC prescribes")
}

fn no_suite(error: quinn::crypto::rustls::NoInitialCipherSuite) -> Error {
    Error::General(error.to_string())
}

/// Decides about the other end.
#[derive(Debug)]
struct Verifier {
    own: NodeId,
    expected: Option<NodeId>,
    presented: Arc<OnceLock<NodeId>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn check(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let actual = named_by(own)?;
        let _ = self.presented.set(actual);
        let unexpected = self.expected.is_some_and(|expected| expected != actual);
        if unexpected || actual == self.own || !others.is_empty() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(())
    }

    /// Whether the other end holds the key of its certificate.
    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signature.scheme != SignatureScheme::ML_DSA_44 {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
}

const TLS12: &str = "only TLS 1.3 is spoken here";

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(TLS12.into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ML_DSA_44]
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General(TLS12.into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ML_DSA_44]
    }
}
