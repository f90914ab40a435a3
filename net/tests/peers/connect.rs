//! Who gets a connection, and who does not.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use crate::world::*;
use weft_core::{
    digest::GenesisId,
    machine::{DropReason, ToNet},
    message::{Hello, Message, PeerAddress},
};
use weft_net::{
    CloseCode, FromNet, NetConfig,
    tls::{SERVER_NAME, Tls},
};

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
async fn dropping_the_net_ends_everything() {
    let (a, mut b) = pair().await;
    let Node { net, mut events, .. } = a;
    drop(net);
    b.until_down(identity(1).node_id()).await;
    assert!(matches!(soon("an event", events.recv()).await, Some(FromNet::PeerDown { .. })));
    assert_eq!(soon("the end of all tasks", events.recv()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_tells_the_other_end_why() {
    let mut node = Node::open(1).await;
    let raw = raw_peer(2, &mut node).await;
    node.net.send(ToNet::Drop { peer: raw.id, reason: DropReason::Full { limit: 7 } });
    assert_eq!(closed(&raw.connection).await, (9, "refused: at most 7 peers".into()));
    node.until_down(raw.id).await;
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

/// Whoever refuses may let the control stream go before it says why.
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_is_waited_for_where_the_stream_ends_first() {
    let (endpoint, address) = raw_listener(2);
    let refusing = tokio::spawn(async move {
        while let Some(knock) = endpoint.accept().await {
            let Ok(connection) = knock.await else { continue };
            let Ok((mut control, _in)) = connection.accept_bi().await else { continue };
            control.finish().unwrap();
            // The other end has seen the stream's end.
            assert_eq!(control.stopped().await, Ok(None));
            connection.close(CloseCode::Full.number().into(), b"at most 7 peers");
        }
    });
    let error = failure(1, hello(), &address).await;
    assert_eq!(error, "refused by the peer: at most 7 peers");
    refusing.abort();
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
    let handshake_time = Duration::from_millis(300);
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
    let crypto = Arc::new(tls.client(node.id).unwrap().0);
    let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let target = node.address().address;
    let knock = || {
        let config = quinn::ClientConfig::new(crypto.clone());
        endpoint.connect_with(config, target, SERVER_NAME).unwrap()
    };
    let refused = soon("an outcome", knock()).await;
    assert!(matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_))), "{refused:?}");

    let (_endpoint, gone) = peers.pop().unwrap();
    gone.close(0_u8.into(), b"");
    // The node makes room as soon as it hears of it.
    let let_in = async { while knock().await.is_err() {} };
    soon("room again", let_in).await;
    assert_eq!(node.next_now(), None);
}
