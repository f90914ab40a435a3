//! Another protocol on the same socket, and at a door of its own.

use crate::world::*;
use weft_core::message::PeerAddress;
use weft_net::{CloseCode, Door, Guest, HandshakeError, NetError};

const OTHER: &[u8] = b"test-guest/1";

async fn door(number: u8, alpn: &'static [u8]) -> (Door, weft_net::Guests) {
    Door::open(config(), &identity(number), alpn).await.unwrap()
}

/// Fails unless what one end says arrives at the other.
async fn talk(guest: &Guest, dialled: &quinn::Connection) {
    let (mut sender, _receiver) = dialled.open_bi().await.unwrap();
    sender.write_all(b"hello").await.unwrap();
    sender.finish().unwrap();
    let (_sender, mut receiver) = soon("a stream", guest.connection.accept_bi()).await.unwrap();
    assert_eq!(receiver.read_to_end(99).await.unwrap(), b"hello");
}

#[tokio::test]
async fn peers_and_guests_share_a_socket() {
    let (mut one, mut two) = (Node::open(1).await, Node::open(2).await);
    let mut guests = one.net.host(OTHER).unwrap();
    assert!(matches!(one.net.host(OTHER), Err(NetError::Hosted)));
    two.dial(&one);
    one.until_up(two.id).await;
    two.until_up(one.id).await;

    let (buyer, _none) = door(3, OTHER).await;
    let dialled = buyer.dial(one.address()).await.unwrap();
    let guest = soon("a guest", guests.next()).await.unwrap();
    assert_eq!(guest.id, buyer.id());
    talk(&guest, &dialled).await;
    assert_eq!(one.net.peers().len(), 1, "a guest is no peer");

    // Both ends make the same secret of the connection, which nobody else can make.
    let secret = |connection: &quinn::Connection| {
        let mut secret = [0; 32];
        connection.export_keying_material(&mut secret, b"test", b"").unwrap();
        secret
    };
    assert_eq!(secret(&guest.connection), secret(&dialled));
}

#[tokio::test]
async fn a_node_without_guests_does_not_speak_their_protocol() {
    let node = Node::open(1).await;
    let (buyer, _none) = door(3, OTHER).await;
    let refused = buyer.dial(node.address()).await;
    assert!(matches!(refused, Err(HandshakeError::Lost(_))), "{refused:?}");
}

#[tokio::test]
async fn whom_a_door_reaches_has_the_key_that_was_asked_for() {
    let (seller, mut guests) = door(1, OTHER).await;
    let (buyer, _none) = door(2, OTHER).await;
    let address = seller.local_addr().unwrap();
    let wrong = buyer.dial(PeerAddress { id: identity(9).node_id(), address }).await;
    assert!(matches!(wrong, Err(HandshakeError::WrongNode { .. })), "{wrong:?}");
    let dialled = buyer.dial(PeerAddress { id: seller.id(), address }).await.unwrap();
    let guest = soon("a guest", guests.next()).await.unwrap();
    talk(&guest, &dialled).await;
}

#[tokio::test]
async fn where_nobody_serves_guests_are_told() {
    let node = Node::open(1).await;
    drop(node.net.host(OTHER).unwrap());
    let (buyer, _none) = door(2, OTHER).await;
    let dialled = buyer.dial(node.address()).await.unwrap();
    let quinn::ConnectionError::ApplicationClosed(close) = soon("the end", dialled.closed()).await
    else {
        panic!("closed on purpose")
    };
    assert_eq!(CloseCode::of(close.error_code.into_inner()), CloseCode::Full);
    assert!(String::from_utf8_lossy(&close.reason).contains("nobody serves"));
}
