//! What travels on the control and gossip streams, and what does not.

use std::time::Duration;

use crate::world::*;
use bytes::Bytes;
use weft_core::{
    digest::TxId,
    machine::{Fault, ToNet},
    message::{Lane, Message},
    params::FRAME_BYTES_MAX,
};
use weft_net::{CloseCode, FromNet, NetConfig};

fn lane_and_message(event: FromNet) -> Option<(Lane, Message)> {
    match event {
        FromNet::Message { lane, message, .. } => Some((lane, message)),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_transactions_arrive_in_order() {
    const COUNT: u32 = 10_000;
    const BYTES: usize = 2_700;
    let config = NetConfig { send_queue_bytes: 64 << 20, ..config() };
    let (a, mut b) = pair_with(config).await;
    let started = std::time::Instant::now();
    for number in 0..COUNT {
        a.say(b.id, transaction(number, BYTES));
    }
    for number in 0..COUNT {
        let message = b.until(lane_and_message).await;
        assert_eq!(message, (Lane::Gossip, transaction(number, BYTES)));
    }
    let frames = u64::from(COUNT) * (BYTES as u64 + 5);
    println!("{COUNT} frames in {:?}", started.elapsed());
    assert_eq!(b.net.peers()[0].frames_received, frames);
    let sent = async {
        while a.net.peers()[0].frames_sent < frames {
            tokio::task::yield_now().await;
        }
    };
    soon("the last count", sent).await;
    assert_eq!((a.net.peers()[0].frames_sent, a.net.peers()[0].waiting), (frames, 0));
    assert!(b.net.peers()[0].udp_received > frames);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_lanes_work_both_ways() {
    let (mut a, mut b) = pair().await;
    for _ in 0..3 {
        a.say(b.id, Message::Prune);
        a.say(b.id, Message::Peers(vec![b.address()]));
        b.say(a.id, Message::Have(vec![TxId([1; 32])]));
        b.say(a.id, Message::Peers(vec![a.address()]));
    }
    for (node, gossip, peers) in [
        (&mut b, Message::Prune, Message::Peers(vec![])),
        (&mut a, Message::Have(vec![TxId([1; 32])]), Message::Peers(vec![])),
    ] {
        let mut counts = (0, 0);
        while counts != (3, 3) {
            match node.until(lane_and_message).await {
                (Lane::Gossip, message) => {
                    assert_eq!(message, gossip);
                    counts.0 += 1;
                }
                (Lane::Control, message) => {
                    assert_eq!(message.name(), peers.name());
                    counts.1 += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_wait_is_heard_on_the_control_lane_and_loses_nothing() {
    let (a, mut b) = pair().await;
    let count = 100;
    b.net.send(ToNet::Hold { peer: a.id, waits: true });
    (0..count).for_each(|number| a.say(b.id, transaction(number, 100)));
    (0..count).for_each(|_| a.say(b.id, Message::Peers(vec![a.address()])));
    let (mut relayed, mut control) = (0, 0);
    while control < count {
        match b.until(lane_and_message).await {
            (Lane::Control, _) => control += 1,
            (_, message) => {
                assert_eq!(message, transaction(relayed, 100));
                relayed += 1;
            }
        }
    }
    assert!(relayed <= 1, "one was being read: {relayed}");
    b.net.send(ToNet::Hold { peer: a.id, waits: false });
    for number in relayed..count {
        assert_eq!(b.until(lane_and_message).await.1, transaction(number, 100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_outside_the_runtime_may_speak() {
    let (a, mut b) = pair().await;
    let to = b.id;
    let thread = std::thread::spawn(move || {
        for number in 0..100 {
            a.say(to, transaction(number, 100));
        }
        a
    });
    for number in 0..100 {
        assert_eq!(b.until(lane_and_message).await.1, transaction(number, 100));
    }
    drop(thread.join().unwrap());
}

/// What `raw` did is told, and ends its connection.
async fn fault_of(node: &mut Node, raw: &Raw) -> Fault {
    let fault = node
        .until(|event| match event {
            FromNet::Misbehaved { fault, .. } => Some(fault),
            FromNet::PeerDown { .. } => panic!("down before the fault was told"),
            _ => None,
        })
        .await;
    node.until_down(raw.id).await;
    let (code, reason) = closed(&raw.connection).await;
    assert_eq!((CloseCode::of(code), reason), (CloseCode::Fault, fault.to_string()));
    fault
}

fn too_long() -> Bytes {
    let length = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
    [&length.to_le_bytes()[..], &[0; 100]].concat().into()
}

const GARBAGE: [u8; 64] = [
    0, 0, 0, 0, 0xff, 0xfe, 0xfd, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
    9, 9, 9, 9,
];

/// Writes `bytes` where a peer writes what belongs to this lane.
async fn write_on(lane: Lane, raw: &mut Raw, bytes: &[u8]) {
    match lane {
        Lane::Control => raw.control.write_all(bytes).await.unwrap(),
        Lane::Gossip => {
            let mut gossip = raw.connection.open_uni().await.unwrap();
            gossip.write_all(bytes).await.unwrap();
        }
        _ => {
            let (mut request, _answer) = raw.connection.open_bi().await.unwrap();
            request.write_all(bytes).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_long_frames_are_faults_on_every_lane() {
    let mut node = Node::open(1).await;
    for (bytes, oversized) in [(Bytes::from_static(&GARBAGE), false), (too_long(), true)] {
        for lane in [Lane::Control, Lane::Gossip, Lane::Request] {
            let mut raw = raw_peer(2, &mut node).await;
            write_on(lane, &mut raw, &bytes).await;
            let fault = fault_of(&mut node, &raw).await;
            match fault {
                Fault::Oversized { limit, actual } if oversized => {
                    assert_eq!((limit, actual), (FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1));
                }
                Fault::Malformed(_) if !oversized => {}
                other => panic!("{lane:?}: {other}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn misplaced_messages_are_faults_on_every_lane() {
    let mut node = Node::open(1).await;
    let cases = [
        (Lane::Control, Message::Hello(hello())),
        (Lane::Control, Message::Prune),
        (Lane::Gossip, Message::Peers(vec![])),
        (Lane::Gossip, Message::GetTransactions(vec![])),
        (Lane::Gossip, Message::Hello(hello())),
        (Lane::Request, transaction(1, 100)),
        (Lane::Request, Message::Hello(hello())),
    ];
    for (lane, message) in cases {
        let mut raw = raw_peer(2, &mut node).await;
        write_on(lane, &mut raw, &frame(&message)).await;
        let fault = fault_of(&mut node, &raw).await;
        assert_eq!(fault, Fault::Misplaced { name: message.name() }, "{lane:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_inside_a_frame_is_a_fault() {
    let mut node = Node::open(1).await;
    let raw = raw_peer(2, &mut node).await;
    let mut gossip = raw.connection.open_uni().await.unwrap();
    let bytes = frame(&transaction(1, 100));
    gossip.write_all(&bytes[..50]).await.unwrap();
    gossip.finish().unwrap();
    assert!(matches!(fault_of(&mut node, &raw).await, Fault::Malformed(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_its_gossip_is_dropped_without_blame() {
    let mut node = Node::open(1).await;
    let raw = raw_peer(2, &mut node).await;
    let mut gossip = raw.connection.open_uni().await.unwrap();
    gossip.write_all(&frame(&Message::Prune)).await.unwrap();
    gossip.finish().unwrap();
    let blamed = node.until(|event| match event {
        FromNet::Misbehaved { .. } => Some(true),
        FromNet::PeerDown { .. } => Some(false),
        _ => None,
    });
    assert!(!blamed.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_dropped_and_memory_is_bounded() {
    const BYTES: usize = 3_500;
    let config = NetConfig { send_queue_bytes: 1 << 20, ..config() };
    let mut node = Node::with(1, config.clone(), hello()).await;
    let raw = raw_peer(2, &mut node).await;
    // The reader takes nothing off its gossip stream, so its window and ours fill, then the queue.
    let mut taken = 0;
    while node.next_now().is_none() {
        node.say(raw.id, transaction(0, BYTES));
        if let Some(info) = node.net.peers().first() {
            assert!(info.waiting <= config.send_queue_bytes, "{info:?}");
            taken = info.waiting + usize::try_from(info.frames_sent).unwrap();
            assert!(taken < 1 << 30, "never dropped");
        }
        tokio::task::yield_now().await;
    }
    // The queue, our window, and what the reader's QUIC takes in for it.
    assert!(taken < (1 << 20) + (2 << 20) + (2 << 20), "{taken} bytes were taken in");
    assert!(node.up(raw.id).is_none());
    // In the flood the last words may be lost; then the next sign of life is answered by a reset.
    let error = soon("the end of the connection", raw.connection.closed()).await;
    match farewell(&error) {
        Some((code, reason)) => {
            assert_eq!(CloseCode::of(code), CloseCode::TooSlow);
            assert!(reason.starts_with("too slow: "), "{reason}");
        }
        None => assert_eq!(error, quinn::ConnectionError::Reset),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_small_messages_drop_a_slow_reader_too() {
    let config = NetConfig { send_queue_messages: 100, ..config() };
    let mut node = Node::with(1, config, hello()).await;
    let raw = raw_peer(2, &mut node).await;
    // Faster than any task can take them: no await in between.
    for _ in 0..1_000_000 {
        node.say(raw.id, Message::Prune);
    }
    node.until_down(raw.id).await;
    assert_eq!(CloseCode::of(closed(&raw.connection).await.0), CloseCode::TooSlow);
}

/// A node takes no events for a while: its peer has to wait, and nothing is lost.
async fn holds_back(config: NetConfig) {
    const COUNT: u32 = 4_000;
    const BYTES: usize = 2_700;
    let mut slow = Node::with(1, config, hello()).await;
    let raw = raw_peer(2, &mut slow).await;
    let connection = raw.connection.clone();
    let writer = tokio::spawn(async move {
        let mut gossip = connection.open_uni().await.unwrap();
        for number in 0..COUNT {
            gossip.write_all(&frame(&transaction(number, BYTES))).await.unwrap();
        }
        gossip
    });
    // Nothing is taken until the writer stands still: its window and ours are full.
    let stands_still = async {
        let mut last = (0_u64, std::time::Instant::now());
        while last.1.elapsed() < Duration::from_millis(300) {
            let received = slow.net.peers()[0].udp_received;
            // Signs of life do not count.
            if received - last.0 > 10_000 {
                last = (received, std::time::Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        last.0
    };
    let received = soon("a standstill", stands_still).await;
    assert!(!writer.is_finished());
    assert!(received < 4 << 20, "{received} bytes were taken in");
    for number in 0..COUNT {
        assert_eq!(slow.until(lane_and_message).await.1, transaction(number, BYTES));
    }
    drop(writer.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_nothing_holds_its_peers_back_by_bytes() {
    holds_back(NetConfig { events_bytes: 100_000, ..config() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_nothing_holds_its_peers_back_by_count() {
    holds_back(NetConfig { events_max: 50, ..config() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_nobody_is_lost_in_silence() {
    let mut node = Node::open(1).await;
    let stranger = identity(9).node_id();
    node.say(stranger, Message::Prune);
    node.net.send(ToNet::Answer {
        to: stranger,
        ticket: weft_core::machine::Ticket(1),
        parts: vec![],
    });
    assert_eq!(node.next_now(), None);
}
