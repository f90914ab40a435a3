//! Who gets a connection, and who does not.

mod world;

use std::{net::Ipv4Addr, sync::Arc};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs::kx_group},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    sign::{CertifiedKey, SingleCertAndKey},
    version::TLS13,
};
use weft_core::{
    digest::GenesisId,
    machine::{DropReason, ToNet},
    message::{Hello, Message, PeerAddress},
};
use weft_net::{
    CloseCode, FromNet, NetConfig,
    tls::{ALPN, SERVER_NAME, Tls, initial_suite, provider},
};
use world::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_know_each_other() {
    let (a, b) = pair().await;
    let (a_address, b_address) = (a.address().address, b.address().address);
    assert_eq!(
        a.up(b.id),
        Some(&FromNet::PeerUp {
            peer: b.id,
            address: Some(b_address),
            remote: b_address,
            fixed: false,
            inbound: false,
        })
    );
    assert_eq!(
        b.up(a.id),
        Some(&FromNet::PeerUp {
            peer: a.id,
            address: Some(a_address),
            remote: a_address,
            fixed: false,
            inbound: true,
        })
    );
    let [info] = a.net.peers().try_into().unwrap();
    assert_eq!((info.id, info.remote, info.inbound, info.fixed), (b.id, b_address, false, false));
    // Two certificates, two signatures and the key exchange: more than 8 kB each way.
    assert!(info.udp_sent > 8_000 && info.udp_received > 8_000, "{info:?}");
    assert!(!info.rtt.is_zero());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_is_noticed_at_once() {
    let (a, mut b) = pair().await;
    a.net.close().await;
    b.until_down(a.id).await;
    assert!(b.net.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_tells_the_other_end_why() {
    let mut node = Node::open(1).await;
    let raw = raw_peer(2, &mut node).await;
    node.net.send(ToNet::Drop { peer: raw.id, reason: DropReason::Full { limit: 7 } });
    assert_eq!(closed(&raw.connection).await, (9, "refused: at most 7 peers".into()));
    node.until_down(raw.id).await;
}

/// `b` fixed at `a`; gives what `a` says about it once it failed.
async fn failure(a: u8, a_hello: Hello, b: &PeerAddress) -> String {
    let config = NetConfig { fixed: vec![*b], ..config() };
    let mut node = Node::with(a, config, a_hello).await;
    node.net.send(ToNet::Dial(*b));
    assert_eq!(node.next().await, FromNet::DialFailed { peer: b.id });
    let noted = async {
        loop {
            if let Some(error) = node.net.fixed()[0].error.clone() {
                return error;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("a note", noted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_network_is_refused_and_the_error_says_so() {
    let mut b = Node::open(2).await;
    let other = Hello { genesis: GenesisId([9; 32]), ..hello() };
    let error = failure(1, other, &b.address()).await;
    let expected = GenesisId([1; 32]);
    assert!(error.starts_with("refused by the peer: expected genesis "), "{error}");
    assert!(error.contains(&expected.to_string()), "{error}");
    assert_eq!(b.next_now(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_parameters_are_refused_and_the_error_says_so() {
    let b = Node::open(2).await;
    let error = failure(1, Hello { parameters: [9; 32], ..hello() }, &b.address()).await;
    assert!(error.contains("other parameters (expected 02020202, actual 09090909)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_refused_with_its_code() {
    let b = Node::open(2).await;
    let (_endpoint, connection) = raw_dial(3, b.address()).await;
    let (mut control, _in) = connection.open_bi().await.unwrap();
    let mut bytes = frame(&Message::Hello(hello())).to_vec();
    bytes[5] = 77;
    control.write_all(&bytes).await.unwrap();
    let (code, reason) = closed(&connection).await;
    assert_eq!(CloseCode::of(code), CloseCode::WrongVersion);
    assert!(reason.contains("the peer speaks 77"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_something_else_first_is_refused() {
    let b = Node::open(2).await;
    for first in [frame(&Message::Prune), vec![0xff; 64].into(), vec![1, 0, 0, 0, 99].into()] {
        let (_endpoint, connection) = raw_dial(3, b.address()).await;
        let (mut control, _in) = connection.open_bi().await.unwrap();
        control.write_all(&first).await.unwrap();
        let (code, _) = closed(&connection).await;
        assert_eq!(CloseCode::of(code), CloseCode::NoHello);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_is_refused_in_time() {
    let handshake_time = std::time::Duration::from_millis(300);
    let b = Node::with(2, NetConfig { handshake_time, ..config() }, hello()).await;
    let (_endpoint, connection) = raw_dial(3, b.address()).await;
    let (code, reason) = closed(&connection).await;
    assert_eq!(CloseCode::of(code), CloseCode::NoHello);
    assert!(reason.contains("no answer within 300ms"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_at_the_address_is_refused() {
    let mut b = Node::open(2).await;
    let wrong = PeerAddress { id: identity(3).node_id(), ..b.address() };
    let error = failure(1, hello(), &wrong).await;
    let expected = format!("expected node {}, but {} answers there", wrong.id, b.id);
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(b.next_now(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_connects_to_itself() {
    let mut a = Node::open(1).await;
    a.net.send(ToNet::Dial(a.address()));
    assert_eq!(a.next().await, FromNet::DialFailed { peer: a.id });
    // The address of somebody else leads back to ourselves.
    let other = identity(2).node_id();
    a.net.send(ToNet::Dial(PeerAddress { id: other, ..a.address() }));
    assert_eq!(a.next().await, FromNet::DialFailed { peer: other });
    assert!(a.net.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_room_for_so_many_and_for_fixed_peers() {
    let fixed = PeerAddress { id: identity(9).node_id(), address: reserved() };
    let config = NetConfig { peers_max: 1, fixed: vec![fixed], ..config() };
    let mut node = Node::with(1, config, hello()).await;
    let _first = raw_peer(2, &mut node).await;

    let (_endpoint, connection) = raw_dial(3, node.address()).await;
    let (mut control, _in) = connection.open_bi().await.unwrap();
    control.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
    let (code, reason) = closed(&connection).await;
    assert_eq!((CloseCode::of(code), reason.as_str()), (CloseCode::Full, "at most 1 peers"));

    let fixed = raw_peer(9, &mut node).await;
    assert!(matches!(node.up(fixed.id), Some(FromNet::PeerUp { fixed: true, inbound: true, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_from_one_prefix_are_few() {
    let config = NetConfig {
        exempt_loopback: false,
        handshakes_per_prefix: 4,
        connections_per_prefix: 3,
        ..config()
    };
    let mut node = Node::with(1, config, hello()).await;
    // Two addresses may be unproved; the third is sent a Retry, proves itself, and gets in too.
    let mut peers = Vec::new();
    for number in [2, 3, 4] {
        peers.push(raw_dial(number, node.address()).await);
    }
    let tls = Tls::new(&identity(5)).unwrap();
    let (crypto, _) = tls.client(node.id).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let refused = endpoint.connect_with(config, node.address().address, SERVER_NAME).unwrap().await;
    assert!(matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_))), "{refused:?}");

    let (_endpoint, gone) = peers.pop().unwrap();
    gone.close(0_u8.into(), b"");
    let mut again = None;
    while again.is_none() {
        again = soon("room again", async {
            let tls = Tls::new(&identity(5)).unwrap();
            let (crypto, _) = tls.client(node.id).unwrap();
            let config = quinn::ClientConfig::new(Arc::new(crypto));
            endpoint.connect_with(config, node.address().address, SERVER_NAME).unwrap().await.ok()
        })
        .await;
    }
    assert_eq!(node.next_now(), None);
}

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
