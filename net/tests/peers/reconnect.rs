//! Exactly one connection per pair, and a new one soon after the old one is lost.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::world::*;
use tokio::runtime::Runtime;
use weft_core::{
    digest::NodeId,
    machine::ToNet,
    message::{Message, PeerAddress},
};
use weft_net::{
    CloseCode, Events, FromNet, HandshakeError, Net, NetConfig,
    tls::{SERVER_NAME, Tls},
};

/// Whether both ends keep the same connection, and which end dialled it.
fn agreed(a: &Node, b: &Node) -> Option<NodeId> {
    match (a.up(b.id)?, b.up(a.id)?) {
        (
            FromNet::PeerUp { inbound: a_inbound, .. },
            FromNet::PeerUp { inbound: b_inbound, .. },
        ) if a_inbound != b_inbound => Some(if *a_inbound { b.id } else { a.id }),
        _ => None,
    }
}

async fn settle(a: &mut Node, b: &mut Node) {
    let settled = async {
        while agreed(a, b).is_none() {
            tokio::select! {
                _ = a.next() => {}
                _ = b.next() => {}
            }
        }
    };
    soon("an agreement", settled).await;
}

/// Says something each way until it came. What was said on a connection that another replaced is
/// lost, so it is said again on the other.
async fn talk(a: &mut Node, b: &mut Node, number: u32) {
    let message = transaction(number, 100);
    a.say(b.id, message.clone());
    b.say(a.id, message.clone());
    let (mut a_heard, mut b_heard) = (false, false);
    while !(a_heard && b_heard) {
        tokio::select! {
            event = a.next() => a_heard |= hears(a, b.id, &event, &message),
            event = b.next() => b_heard |= hears(b, a.id, &event, &message),
        }
    }
}

fn hears(node: &Node, other: NodeId, event: &FromNet, expected: &Message) -> bool {
    if matches!(event, FromNet::PeerUp { .. }) {
        node.say(other, expected.clone());
    }
    matches!(event, FromNet::Message { message, .. } if message == expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_simultaneous_dials_exactly_one_connection_stays() {
    let mut pairs = Vec::new();
    for number in 0..50 {
        let mut a = Node::open(2 * number + 1).await;
        let mut b = Node::open(2 * number + 2).await;
        a.dial(&b);
        b.dial(&a);
        settle(&mut a, &mut b).await;
        pairs.push((a, b));
    }
    // Every handshake that was still under way is over by now, and all agree still.
    for (a, b) in &mut pairs {
        while a.next_now().is_some() || b.next_now().is_some() {}
        settle(a, b).await;
        talk(a, b, 1).await;
        let (of_a, of_b) = (a.net.peers(), b.net.peers());
        assert_eq!((of_a.len(), of_b.len()), (1, 1));
        assert_ne!(of_a[0].inbound, of_b[0].inbound);
    }
}

/// A node and a peer of one run dial each other. Both connections get as far as Hello; the one that
/// the node dialled is ready first, or second. Gives whether it is the one that stays.
async fn node_keeps_its_own(node_number: u8, peer_number: u8, own_first: bool) -> bool {
    let mut node = Node::open(node_number).await;
    let tls = Tls::new(&identity(peer_number)).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls.server().unwrap()));
    let (endpoint, peer) = raw_listener_with(config, identity(peer_number).node_id());

    node.net.send(ToNet::Dial(peer));
    let own = soon("a dial", endpoint.accept()).await.unwrap().await.unwrap();
    let (mut own_out, mut own_in) = own.accept_bi().await.unwrap();
    read_frame(&mut own_in).await;
    if own_first {
        own_out.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
        node.until_up(peer.id).await;
    }
    let crypto = Arc::new(tls.client(node.id).unwrap().0);
    let config = quinn::ClientConfig::new(crypto);
    let theirs = endpoint.connect_with(config, node.address().address, SERVER_NAME).unwrap();
    let theirs = theirs.await.unwrap();
    let (mut their_out, _their_in) = theirs.open_bi().await.unwrap();
    their_out.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
    if !own_first {
        node.until_up(peer.id).await;
        own_out.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
    }

    let (lost, kept) = tokio::select! {
        lost = closed(&own) => (lost, &theirs),
        lost = closed(&theirs) => (lost, &own),
    };
    assert_eq!(CloseCode::of(lost.0), CloseCode::Duplicate);
    let mut gossip = kept.open_uni().await.unwrap();
    gossip.write_all(&frame(&Message::Prune)).await.unwrap();
    node.until(|event| matches!(event, FromNet::Message { .. }).then_some(())).await;
    assert_eq!(node.net.peers().len(), 1);
    let own_stays = kept.stable_id() == own.stable_id();
    assert!(matches!(
        node.up(peer.id),
        Some(FromNet::PeerUp { inbound, .. }) if *inbound != own_stays
    ));
    own_stays
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_dials_the_one_of_the_smaller_id_stays_whichever_was_first() {
    for (node, peer) in [(1, 2), (2, 1)] {
        let smaller = identity(node).node_id() < identity(peer).node_id();
        for own_first in [true, false] {
            let keeps = node_keeps_its_own(node, peer, own_first).await;
            assert_eq!(keeps, smaller, "node {node}, peer {peer}, own first: {own_first}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_fixed_at_each_other_keep_one_connection() {
    for round in 0..10 {
        let (a_address, b_address) = (reserved(), reserved());
        let (a_id, b_id) = (identity(1).node_id(), identity(2).node_id());
        let fixed = vec![
            PeerAddress { id: a_id, address: a_address },
            PeerAddress { id: b_id, address: b_address },
        ];
        let at = |listen| NetConfig { listen, fixed: fixed.clone(), ..config() };
        let (mut a, mut b) = tokio::join!(
            Node::with(1, at(a_address), hello()),
            Node::with(2, at(b_address), hello())
        );
        settle(&mut a, &mut b).await;
        talk(&mut a, &mut b, round).await;
        assert!(matches!(a.up(b_id), Some(FromNet::PeerUp { fixed: true, .. })));
        let connected = async {
            while !a.net.fixed()[0].connected || a.net.fixed()[0].error.is_some() {
                tokio::task::yield_now().await;
            }
        };
        soon("a status", connected).await;
        assert_eq!(a.net.fixed().len(), 1, "the own id is passed over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_to_somebody_connected_changes_nothing() {
    let (mut a, mut b) = pair().await;
    for _ in 0..10 {
        a.dial(&b);
        b.dial(&a);
    }
    talk(&mut a, &mut b, 1).await;
    assert_eq!((a.next_now(), b.next_now()), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_to_nobody_fails_once() {
    let config = NetConfig { handshake_time: Duration::from_millis(200), ..config() };
    let mut a = Node::with(1, config, hello()).await;
    let target = PeerAddress { id: identity(2).node_id(), address: reserved() };
    for _ in 0..5 {
        a.net.send(ToNet::Dial(target));
    }
    assert_eq!(a.next().await, FromNet::DialFailed { peer: target.id });
    assert_eq!(a.next_now(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_peer_that_comes_up_late_is_reached() {
    let address = reserved();
    let late = PeerAddress { id: identity(2).node_id(), address };
    let config = NetConfig {
        fixed: vec![late],
        handshake_time: Duration::from_millis(250),
        redial_max: Duration::from_secs(1),
        ..config()
    };
    let mut a = Node::with(1, config.clone(), hello()).await;
    let noted = async {
        while a.net.fixed()[0].error.is_none() {
            tokio::task::yield_now().await;
        }
    };
    soon("a note", noted).await;
    let error = a.net.fixed()[0].error.clone().unwrap();
    assert!(matches!(*error, HandshakeError::Late { .. }), "{error}");
    assert_eq!(a.next_now(), None, "DialFailed is for dials of the machine");

    let mut b = Node::with(2, NetConfig { listen: address, ..config }, hello()).await;
    a.until_up(b.id).await;
    b.until_up(a.id).await;
}

/// A node in a runtime of its own, so that it can die like a process: without a word.
struct Mortal {
    runtime: Runtime,
    net: Net,
    events: Events,
}

impl Mortal {
    async fn open(number: u8, config: NetConfig) -> Self {
        let open = move || {
            let runtime = Runtime::new().unwrap();
            let opened = Net::open(config, identity(number), hello());
            let (net, events) = runtime.block_on(opened).unwrap();
            Self { runtime, net, events }
        };
        tokio::task::spawn_blocking(open).await.unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.net.local_addr().unwrap()
    }

    async fn until_up(&mut self) {
        while !matches!(soon("an event", self.events.recv()).await, Some(FromNet::PeerUp { .. })) {}
    }

    async fn die(self) {
        let Self { runtime, net, events } = self;
        let die = move || {
            runtime.shutdown_timeout(LONG);
            drop((net, events));
        };
        tokio::task::spawn_blocking(die).await.unwrap();
    }
}

/// Silence alone would take a minute to tell that a peer is gone.
fn patient() -> NetConfig {
    NetConfig { idle_time: Duration::from_secs(60), ..config() }
}

const SOON: Duration = Duration::from_secs(5);

/// The peer dies and comes back, whoever dials: the survivor has the new connection soon.
async fn restart(survivor: u8, mortal: u8, survivor_dials: bool, mortal_dials: bool) {
    let (survivor_at, mortal_at) = (reserved(), reserved());
    let (survivor_id, mortal_id) = (identity(survivor).node_id(), identity(mortal).node_id());
    let fixed = |wanted: bool, id, address| {
        if wanted { vec![PeerAddress { id, address }] } else { Vec::new() }
    };
    let survivors = fixed(survivor_dials, mortal_id, mortal_at);
    let mortals = fixed(mortal_dials, survivor_id, survivor_at);
    let config = NetConfig { listen: survivor_at, fixed: survivors, ..patient() };
    let mut node = Node::with(survivor, config, hello()).await;
    let config = NetConfig { listen: mortal_at, fixed: mortals, ..patient() };
    let mut first = Mortal::open(mortal, config.clone()).await;
    assert_eq!(first.address(), mortal_at);
    first.until_up().await;
    node.until_up(mortal_id).await;

    first.die().await;
    let started = std::time::Instant::now();
    let mut second = Mortal::open(mortal, config).await;
    // A packet of any kind shows a restarted peer that it has to say: no such connection.
    node.say(mortal_id, Message::Prune);
    node.until_down(mortal_id).await;
    node.until_up(mortal_id).await;
    second.until_up().await;
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    println!("restart seen after {:?}", started.elapsed());

    // Where both dialled, one of two connections goes, with what was on its way there: so it is
    // said until it arrives.
    let mut again = tokio::time::interval(Duration::from_millis(500));
    let arrived = async {
        loop {
            tokio::select! {
                _ = again.tick() => node.say(mortal_id, transaction(1, 100)),
                event = second.events.recv() => {
                    if matches!(event, Some(FromNet::Message { .. })) { break }
                }
            }
        }
    };
    soon("a message", arrived).await;
    second.die().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_peer_is_back_soon_if_we_dial() {
    restart(1, 2, true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_peer_is_back_soon_if_it_dials() {
    restart(1, 2, false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_peer_is_back_soon_if_both_dial() {
    restart(1, 2, true, true).await;
    restart(2, 1, true, true).await;
}

/// Nobody sends anything on the old connection: the new one alone shows that the peer restarted,
/// even where the rule for two dials of one run would keep the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_dial_of_a_restarted_peer_replaces_the_old_connection() {
    for (survivor, mortal) in [(1, 2), (2, 1)] {
        let mut node = Node::with(survivor, patient(), hello()).await;
        let mortal_id = identity(mortal).node_id();
        let mut first = Mortal::open(mortal, patient()).await;
        let target = PeerAddress { id: mortal_id, address: first.address() };
        node.net.send(ToNet::Dial(target));
        first.until_up().await;
        node.until_up(mortal_id).await;
        first.die().await;

        let fixed = vec![node.address()];
        let mut second = Mortal::open(mortal, NetConfig { fixed, ..patient() }).await;
        node.until_down(mortal_id).await;
        node.until_up(mortal_id).await;
        second.until_up().await;
        second.die().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_peer_that_hangs_up_is_dialled_again() {
    let (endpoint, address) = raw_listener(2);
    let config = NetConfig { fixed: vec![address], ..config() };
    let mut node = Node::with(1, config, hello()).await;
    for _ in 0..3 {
        let connection = soon("a dial", endpoint.accept()).await.unwrap().await.unwrap();
        let (mut control, mut control_in) = connection.accept_bi().await.unwrap();
        read_frame(&mut control_in).await;
        control.write_all(&frame(&Message::Hello(hello()))).await.unwrap();
        node.until_up(address.id).await;
        connection.close(0_u8.into(), b"enough");
        node.until_down(address.id).await;
    }
}
