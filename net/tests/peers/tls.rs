//! Who proves to be whom: certificates, signatures and key exchanges of all kinds.

use std::{net::Ipv4Addr, sync::Arc};

use crate::world::*;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs::kx_group},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};
use weft_core::message::{Message, PeerAddress};
use weft_net::tls::{ALPN, SERVER_NAME, initial_suite, provider};

/// Accepts any certificate, so that what is tested is the other end.
#[derive(Debug)]
struct Gullible(Vec<SignatureScheme>);

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

/// A client with whatever algorithms and certificate.
async fn dial_with(
    provider: CryptoProvider,
    certified: Option<CertifiedKey>,
    alpn: &[u8],
    target: PeerAddress,
) -> Result<(quinn::Endpoint, quinn::Connection), quinn::ConnectionError> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible(vec![SignatureScheme::ML_DSA_44])));
    let mut config = match certified {
        None => builder.with_no_client_auth(),
        Some(certified) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
        }
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    let crypto = QuicClientConfig::with_initial(Arc::new(config), initial_suite()).unwrap();
    let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connecting = endpoint.connect_with(config, target.address, SERVER_NAME).unwrap();
    soon("an outcome", connecting).await.map(|connection| (endpoint, connection))
}

/// A certificate of the real node `number`, as anyone who ever talked to it has it.
async fn certificate_of(number: u8) -> Vec<CertificateDer<'static>> {
    let (endpoint, address) = raw_listener(number);
    let accepted = tokio::spawn(async move { endpoint.accept().await.unwrap().await });
    let (_endpoint, connection) = raw_dial(77, address).await;
    let seen = connection.peer_identity().unwrap();
    accepted.await.unwrap().unwrap();
    *seen.downcast::<Vec<CertificateDer<'static>>>().unwrap()
}

/// The key of a node, with the certificate of another.
fn mismatched(certificates: Vec<CertificateDer<'static>>, own_key: u8) -> CertifiedKey {
    let key = aws_lc_rs::signature::PqdsaKeyPair::from_seed(
        &aws_lc_rs::signature::ML_DSA_44_SIGNING,
        &[own_key; 32],
    )
    .unwrap();
    let der = PrivatePkcs8KeyDer::from(key.to_pkcs8v1().unwrap().as_ref().to_vec());
    let signer = provider().key_provider.load_private_key(PrivateKeyDer::from(der)).unwrap();
    CertifiedKey::new(certificates, signer)
}

/// Waits until the node closed the connection before any Hello: TLS failed at its end.
async fn refused_by_tls(connection: &quinn::Connection) {
    let error = soon("the end of the connection", connection.closed()).await;
    assert!(matches!(error, quinn::ConnectionError::ConnectionClosed(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_of_these_tests_gets_in() {
    let mut node = Node::open(1).await;
    let certificates = certificate_of(2).await;
    let honest = mismatched(certificates, 2);
    let (_endpoint, connection) =
        dial_with(provider(), Some(honest), ALPN, node.address()).await.unwrap();
    let (mut control, _in) = connection.open_bi().await.unwrap();
    control.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
    node.until_up(identity(2).node_id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialler_with_a_replayed_certificate_is_refused() {
    let mut node = Node::open(1).await;
    let stolen = mismatched(certificate_of(2).await, 66);
    let (_endpoint, connection) =
        dial_with(provider(), Some(stolen), ALPN, node.address()).await.unwrap();
    refused_by_tls(&connection).await;
    assert_eq!(node.next_now(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialler_without_a_certificate_is_refused() {
    let node = Node::open(1).await;
    let (_endpoint, connection) = dial_with(provider(), None, ALPN, node.address()).await.unwrap();
    refused_by_tls(&connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialler_with_a_certificate_chain_is_refused() {
    let node = Node::open(1).await;
    let mut chain = certificate_of(2).await;
    chain.extend(certificate_of(3).await);
    let certified = mismatched(chain, 2);
    let (_endpoint, connection) =
        dial_with(provider(), Some(certified), ALPN, node.address()).await.unwrap();
    refused_by_tls(&connection).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_a_replayed_certificate_is_refused() {
    let victim = identity(2).node_id();
    let stolen = mismatched(certificate_of(2).await, 66);
    let (_endpoint, address) = {
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(stolen)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        let crypto = QuicServerConfig::with_initial(Arc::new(config), initial_suite()).unwrap();
        raw_listener_with(quinn::ServerConfig::with_crypto(Arc::new(crypto)), victim)
    };
    let knocked = tokio::spawn({
        let endpoint = _endpoint.clone();
        async move {
            while let Some(knock) = endpoint.accept().await {
                let _ = knock.await;
            }
        }
    });
    let error = failure(1, hello(), &address).await;
    assert!(error.contains("BadSignature"), "{error}");
    knocked.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn x25519_alone_is_refused_at_both_ends() {
    let classic = || CryptoProvider { kx_groups: vec![kx_group::X25519], ..provider() };
    let node = Node::open(1).await;
    let honest = mismatched(certificate_of(2).await, 2);
    let refused = dial_with(classic(), Some(honest), ALPN, node.address()).await;
    assert!(matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_))), "{refused:?}");

    let honest = mismatched(certificate_of(2).await, 2);
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(classic()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(honest)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicServerConfig::with_initial(Arc::new(config), initial_suite()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let (endpoint, address) = raw_listener_with(config, identity(2).node_id());
    let knocked = tokio::spawn(async move {
        while let Some(knock) = endpoint.accept().await {
            let _ = knock.await;
        }
    });
    let error = failure(1, hello(), &address).await;
    assert!(error.contains("NoKxGroupsInCommon") || error.contains("handshake"), "{error}");
    knocked.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_refused() {
    let node = Node::open(1).await;
    let honest = mismatched(certificate_of(2).await, 2);
    let refused = dial_with(provider(), Some(honest), b"h3", node.address()).await;
    assert!(matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_))), "{refused:?}");
}
