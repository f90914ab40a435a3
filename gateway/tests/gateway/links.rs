//! The same session over TLS and over WebSocket, with packets and frames written by hand.

use std::{fs, sync::Arc};

use rustls::{
    ClientConfig, NamedGroup, RootCertStore,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{default_provider, kx_group},
    },
    pki_types::ServerName,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::support::{DEADLINE, World, get, nowhere, post};

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

/// CONNECT of MQTT 3.1.1 (section 3.1): clean session, user and password.
fn connect(device: &str, token: &str) -> Vec<u8> {
    let head = [text("MQTT"), vec![4, 0xc2, 0, 60], text("c"), text(device), text(token)].concat();
    [vec![0x10, u8::try_from(head.len()).unwrap()], head].concat()
}

/// PUBLISH with QoS 1 and packet identifier 1.
fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let head = [text(topic), vec![0, 1], payload.as_bytes().to_vec()].concat();
    [vec![0x32, u8::try_from(head.len()).unwrap()], head].concat()
}

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const PUBACK: [u8; 4] = [0x40, 2, 0, 1];

async fn read<const N: usize>(io: &mut (impl AsyncRead + Unpin)) -> [u8; N] {
    let mut bytes = [0; N];
    tokio::time::timeout(DEADLINE, io.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

/// A file as RFC 7468 has it, in one long line.
fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        let digits = (0..=three.len()).map(|at| bits >> (18 - 6 * at) & 63);
        text.extend(digits.map(|digit| char::from(DIGITS[digit as usize])));
        text.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_who_offers_the_hybrid_key_exchange_gets_it() {
    let world = World::new();
    let token = world.device("a");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut config = world.config(&nowhere());
    config.tls.certificate_file = config.gateway.devices_file.with_extension("crt");
    config.tls.key_file = config.gateway.devices_file.with_extension("key");
    fs::write(&config.tls.certificate_file, pem("CERTIFICATE", made.cert.der())).unwrap();
    let key = made.signing_key.serialize_der();
    fs::write(&config.tls.key_file, pem("PRIVATE KEY", &key)).unwrap();
    config.mqtt.tls_listen = config.mqtt.listen;
    config.http.tls_listen = config.http.listen;
    let gateway = world.gateway_with(config).await;

    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let mqtts = gateway.addresses().mqtts.unwrap();
    let dial = async |kx_groups| {
        let provider = CryptoProvider { kx_groups, ..default_provider() };
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let stream = TcpStream::connect(mqtts).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
        let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
        (stream, group)
    };
    let (_old, group) = dial(vec![kx_group::X25519]).await;
    assert_eq!(group, NamedGroup::X25519, "who cannot still gets in");
    let (mut stream, group) = dial(vec![kx_group::X25519MLKEM768, kx_group::X25519]).await;
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    stream.write_all(&connect("a", &token)).await.unwrap();
    assert_eq!(read(&mut stream).await, CONNACK);
    stream.write_all(&publish("up/a/t", "1")).await.unwrap();
    assert_eq!(read(&mut stream).await, PUBACK);
    drop(stream);
    gateway.shutdown().await;
}

/// A binary frame of a client (RFC 6455 section 5.2); its mask is zero, so the payload is plain.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[0x82, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_websocket_packets_may_lie_in_frames_as_they_like() {
    let world = World::new();
    let token = world.device("a");
    let gateway = world.gateway(&nowhere()).await;
    let mut stream = TcpStream::connect(gateway.addresses().http).await.unwrap();
    let request = "GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: mqtt\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read::<1>(&mut stream).await[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101") && head.contains("protocol: mqtt"), "{head}");
    // One packet in two frames, then the next packet whole.
    let first = connect("a", &token);
    let (begin, rest) = first.split_at(9);
    stream.write_all(&frame(begin)).await.unwrap();
    stream.write_all(&frame(rest)).await.unwrap();
    assert_eq!(read::<6>(&mut stream).await, [&[0x82, 4][..], &CONNACK].concat()[..]);
    stream.write_all(&frame(&publish("up/a/t", "1"))).await.unwrap();
    assert_eq!(read::<6>(&mut stream).await, [&[0x82, 4][..], &PUBACK].concat()[..]);
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    assert!(metrics.contains("weft_gateway_accepted_total 1\n"), "{metrics}");
    // The other routes are still there.
    assert_eq!(post(&gateway, "/up/a/t", &token, &[], "2").await.0, 201);
    drop(stream);
    gateway.shutdown().await;
}
