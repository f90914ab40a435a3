//! Requests and answers: each `Ask` ends in exactly one `Answered`, whatever happens.

use std::time::Duration;

use crate::world::*;
use quinn::{Connection, RecvStream, SendStream};
use weft_core::{
    digest::{KeyId, TxId},
    machine::{Fault, Ticket, ToNet},
    message::{End, Message},
    units::Position,
};
use weft_net::{FromNet, NetConfig};

fn want(byte: u8) -> Message {
    Message::GetTransactions(vec![TxId([byte; 32])])
}

fn end(next: Option<u64>) -> End {
    End { next: next.map(Position) }
}

async fn request(node: &mut Node) -> (Ticket, Message) {
    node.until(|event| match event {
        FromNet::Request { ticket, message, .. } => Some((ticket, message)),
        _ => None,
    })
    .await
}

/// The parts of the next answer, and its end.
async fn answer(node: &mut Node, expected: u64) -> (Vec<Message>, Option<End>) {
    let mut parts = Vec::new();
    let end = node.until(|event| match event {
        FromNet::Part { ticket, message, .. } => {
            assert_eq!(ticket, Ticket(expected));
            parts.push(message);
            None
        }
        FromNet::Answered { ticket, end, .. } => {
            assert_eq!(ticket, Ticket(expected));
            Some(end)
        }
        _ => None,
    });
    let end = end.await;
    (parts, end)
}

/// `raw` answers one request as it likes.
async fn asked(connection: &Connection) -> (SendStream, RecvStream) {
    let (sender, mut receiver) = soon("a request", connection.accept_bi()).await.unwrap();
    soon("its frame", read_frame(&mut receiver)).await;
    (sender, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_in_parts() {
    let (mut asker, mut answerer) = pair().await;
    for dialler_asks in [true, false] {
        asker.ask(answerer.id, 7, want(3));
        let (ticket, message) = request(&mut answerer).await;
        assert_eq!(message, want(3));
        let parts: Vec<_> = (0..500).map(|number| transaction(number, 2_700)).collect();
        let sent = [&parts[..], &[Message::End(end(Some(5)))]].concat();
        answerer.net.send(ToNet::Answer { to: asker.id, ticket, parts: sent });
        let answer = answer(&mut asker, 7).await;
        assert_eq!(answer, (parts, Some(end(Some(5)))), "dialler asks: {dialler_asks}");
        assert!(asker.no_ask_is_open());
        std::mem::swap(&mut asker, &mut answerer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_allowed_at_once_wait_their_turn() {
    let config = NetConfig { requests_max: 2, ..config() };
    let (mut a, mut b) = pair_with(config).await;
    for ticket in 0..20 {
        a.ask(b.id, ticket, want(1));
    }
    // Answered in pairs, so that never more than two are open.
    for _ in 0..10 {
        let pair = [request(&mut b).await, request(&mut b).await];
        assert_eq!(b.next_now(), None);
        for (ticket, _) in pair {
            let parts = vec![Message::End(end(None))];
            b.net.send(ToNet::Answer { to: a.id, ticket, parts });
        }
    }
    while !a.no_ask_is_open() {
        a.next().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_to_somebody_who_is_not_there_is_answered_none() {
    let mut a = Node::open(1).await;
    let stranger = identity(9).node_id();
    a.ask(stranger, 1, want(1));
    assert_eq!(a.next().await, FromNet::Answered { from: stranger, ticket: Ticket(1), end: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_answered_none() {
    let answer_silence = Duration::from_millis(200);
    let (mut a, mut b) = pair_with(NetConfig { answer_silence, ..config() }).await;
    a.ask(b.id, 1, want(1));
    let (ticket, _) = request(&mut b).await;
    assert_eq!(answer(&mut a, 1).await.1, None);
    // An answer that comes too late is lost, and the connection stands.
    b.net.send(ToNet::Answer { to: a.id, ticket, parts: vec![Message::End(end(None))] });
    a.ask(b.id, 2, want(2));
    let (ticket, _) = request(&mut b).await;
    b.net.send(ToNet::Answer { to: a.id, ticket, parts: vec![Message::End(end(None))] });
    assert_eq!(answer(&mut a, 2).await.1, Some(end(None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_answered_none() {
    let (mut a, mut b) = pair().await;
    a.ask(b.id, 1, want(1));
    let (ticket, _) = request(&mut b).await;
    b.net.send(ToNet::Answer { to: a.id, ticket, parts: vec![transaction(1, 100)] });
    assert_eq!(answer(&mut a, 1).await.1, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_answers_every_ask_before_peer_down() {
    let (mut a, mut b) = pair().await;
    // More than may be open at once, so that some are still queued.
    for ticket in 0..30 {
        a.ask(b.id, ticket, want(1));
    }
    request(&mut b).await;
    let b_id = b.id;
    drop(b);
    let mut nones = 0;
    while a.up(b_id).is_some() {
        nones += usize::from(matches!(a.next().await, FromNet::Answered { end: None, .. }));
    }
    assert_eq!(nones, 30);
    assert!(a.no_ask_is_open());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_its_limit_is_cut_off() {
    let config = NetConfig { answer_bytes_max: 100_000, ..config() };
    let (mut a, mut b) = pair_with(config).await;
    a.ask(b.id, 1, want(1));
    let (ticket, _) = request(&mut b).await;
    let mut parts: Vec<_> = (0..100).map(|number| transaction(number, 2_700)).collect();
    parts.push(Message::End(end(None)));
    b.net.send(ToNet::Answer { to: a.id, ticket, parts });
    let (brought, last) = answer(&mut a, 1).await;
    assert_eq!((last, brought.len()), (None, 37));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_misplaced_messages_in_an_answer_are_faults() {
    let mut node = Node::open(1).await;
    let too_long = u32::MAX.to_le_bytes().to_vec();
    let bad = [
        vec![1, 0, 0, 0, 0xff],
        too_long,
        frame(&Message::Prune).to_vec(),
        frame(&Message::GetKey(KeyId([1; 32]))).to_vec(),
        frame(&Message::Hello(hello())).to_vec(),
    ];
    for (ticket, bytes) in (0..).zip(bad) {
        let raw = raw_peer(2, &mut node).await;
        node.ask(raw.id, ticket, want(1));
        let (mut sender, _receiver) = asked(&raw.connection).await;
        sender.write_all(&bytes).await.unwrap();
        let (mut blamed, mut answered) = (false, false);
        while node.up(raw.id).is_some() {
            match node.next().await {
                FromNet::Misbehaved { .. } => blamed = true,
                FromNet::Answered { end: None, .. } => answered = true,
                FromNet::PeerDown { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(blamed && answered, "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_at_once_are_a_fault() {
    let config = NetConfig { requests_max: 2, ..config() };
    let mut node = Node::with(1, config, hello()).await;
    let raw = raw_peer(2, &mut node).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let (mut sender, receiver) = raw.connection.open_bi().await.unwrap();
        sender.write_all(&frame(&want(1))).await.unwrap();
        open.push((sender, receiver));
    }
    let fault = node
        .until(|event| match event {
            FromNet::Misbehaved { fault, .. } => Some(fault),
            _ => None,
        })
        .await;
    assert_eq!(fault, Fault::TooManyRequests { limit: 4 });
    node.until_down(raw.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_given_up_makes_room() {
    let config = NetConfig { requests_max: 1, ..config() };
    let mut node = Node::with(1, config, hello()).await;
    let raw = raw_peer(2, &mut node).await;
    for _ in 0..50 {
        let (mut sender, mut receiver) = raw.connection.open_bi().await.unwrap();
        sender.write_all(&frame(&want(1))).await.unwrap();
        request(&mut node).await;
        sender.reset(1_u8.into()).unwrap();
        receiver.stop(1_u8.into()).unwrap();
        // The node lets go of the stream once it heard of it.
        soon("the end of the stream", receiver.received_reset()).await.ok();
    }
    assert!(node.up(raw.id).is_some());
}
