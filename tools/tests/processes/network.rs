//! What several nodes owe each other.

use std::{collections::BTreeSet, time::Instant};

use futures_util::{StreamExt as _, future::join_all, stream};
use tokio::{sync::watch, task::JoinHandle};
use weft_client::host::{Attach, NewReading, PostError, Posted, Poster, Retry};
use weft_core::digest::{BodyId, TxId};

use crate::support::{Nodes, Process};

/// Which of `count` comes next: spread evenly, the same in each run.
fn dice(turn: usize, count: usize) -> usize {
    (turn.wrapping_mul(2_654_435_761) >> 7) % count
}

fn reading(turn: usize) -> NewReading {
    NewReading::text("load", &turn.to_string())
}

/// Posts `count` readings through random `posters`, 32 at a time.
async fn post(posters: &[Poster], count: usize) -> Vec<Posted> {
    let posts = stream::iter(0..count).map(async |turn| {
        let poster = posters.get(dice(turn, posters.len())).unwrap();
        poster.post(reading(turn)).await.unwrap()
    });
    posts.buffer_unordered(32).collect().await
}

fn bodies(posted: &[Posted]) -> BTreeSet<BodyId> {
    posted.iter().map(|posted| posted.body).collect()
}

fn ids(posted: &[Posted]) -> BTreeSet<TxId> {
    posted.iter().map(|posted| posted.id).collect()
}

async fn posters(nodes: &Nodes, count: u8) -> Vec<Poster> {
    let ways = [Attach::Here, Attach::AtNode];
    let posters = (0..count).zip(ways.into_iter().cycle());
    join_all(posters.map(|(at, way)| nodes.poster(at.into(), at, way))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_posts_to_random_nodes_are_the_same_set_on_all() {
    let nodes = Nodes::start_all(4);
    let posters = posters(&nodes, 4).await;
    let posted = post(&posters, 1_000).await;
    let (bodies, ids) = (bodies(&posted), ids(&posted));
    assert_eq!((bodies.len(), ids.len()), (1_000, 1_000));
    for index in 0..4 {
        nodes.shows(index, &bodies).await;
        assert!(nodes.log(index).await == ids, "node {index} has another set");
    }
}

/// Posts `count` readings, 16 at a time, and tells how many were acknowledged so far.
fn load(
    poster: Poster,
    count: usize,
) -> (watch::Receiver<usize>, JoinHandle<Vec<Result<Posted, PostError>>>) {
    let (told, acknowledged) = watch::channel(0);
    let load = tokio::spawn(async move {
        let posts = stream::iter(0..count).map(async |turn| {
            let posted = poster.post(reading(turn)).await;
            told.send_modify(|count| *count += usize::from(posted.is_ok()));
            posted
        });
        posts.buffer_unordered(16).collect().await
    });
    (acknowledged, load)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_acknowledged_is_there_without_any_peer_to_ask() {
    let mut nodes = Nodes::start_all(1);
    let once = Retry { tries: 1, ..Retry::default() };
    let poster = nodes.poster(0, 1, Attach::Here).await.with_retry(once);
    let (mut acknowledged, load) = load(poster, 1_000);
    acknowledged.wait_for(|count| *count >= 300).await.unwrap();
    nodes.take(0).kill();
    let posted: Vec<_> = load.await.unwrap().into_iter().filter_map(Result::ok).collect();
    assert!((300..1_000).contains(&posted.len()), "killed under load");
    nodes.start(0);
    assert!(ids(&posted).is_subset(&nodes.log(0).await));
    // And it goes on, with what came next.
    let further = post(&[nodes.poster(0, 1, Attach::Here).await], 10).await;
    assert!(ids(&further).is_subset(&nodes.log(0).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_under_load_comes_back_with_all_it_acknowledged_and_catches_up() {
    const BEFORE: usize = 200;
    const POSTS: usize = 600;
    let mut nodes = Nodes::start_all(4);
    let (mut acknowledged, load) = load(nodes.poster(1, 1, Attach::Here).await, POSTS);
    acknowledged.wait_for(|count| *count >= BEFORE).await.unwrap();
    nodes.take(1).kill();
    let while_down = post(&[nodes.poster(0, 2, Attach::AtNode).await], 100).await;
    assert!(*acknowledged.borrow() < POSTS, "the node was killed under load");
    nodes.start(1);
    // What was not acknowledged was sent again until it was.
    let posted: Vec<_> = load.await.unwrap().into_iter().map(Result::unwrap).collect();
    let bodies: BTreeSet<_> = bodies(&posted).union(&bodies(&while_down)).copied().collect();
    assert_eq!(bodies.len(), POSTS + 100, "each once");
    for index in 0..4 {
        nodes.shows(index, &bodies).await;
    }
    let log = nodes.log(1).await;
    assert!(ids(&posted).is_subset(&log) && ids(&while_down).is_subset(&log));
    for index in [0, 2, 3] {
        assert!(nodes.log(index).await == log, "node {index} has another set");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_late_gets_everything() {
    const POSTS: usize = 2_000;
    let mut nodes = Nodes::init(5);
    (0..4).for_each(|index| nodes.start(index));
    let posted = post(&posters(&nodes, 4).await, POSTS).await;
    nodes.shows(0, &bodies(&posted)).await;
    let started = Instant::now();
    nodes.start(4);
    nodes.shows(4, &bodies(&posted)).await;
    println!("a late joiner had {POSTS} transactions after {:?}", started.elapsed());
    assert!(nodes.log(4).await == nodes.log(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_on_one_node_is_followed_on_another_across_its_restart() {
    let mut nodes = Nodes::start_all(2);
    let post = |node: &str, text: &str| {
        let args = ["post", "hall/temp", "--data", text, "--node", node];
        crate::support::run(nodes.dir(), &args).ok().trim().to_owned()
    };
    let (first, last) = (nodes.url(0), nodes.url(1));
    let early = post(&first, "early");
    let args = ["tail", "hall/temp", "--from", "0", "--node", &last];
    let tail = Process::start(nodes.dir(), "tail", &args);
    assert_eq!(tail.json()["id"], *early);
    let started = Instant::now();
    let second = post(&first, "21.4");
    let shown = tail.json();
    println!("posted on one node, shown by the other after {:?}", started.elapsed());
    assert_eq!((&shown["id"], &shown["text"]), (&second.into(), &"21.4".into()));

    nodes.take(1).kill();
    let while_down = {
        let args = ["post", "hall/temp", "--data", "down", "--node", &first];
        crate::support::run(nodes.dir(), &args).ok().trim().to_owned()
    };
    nodes.start(1);
    assert_eq!(tail.json()["id"], *while_down);
    assert!(tail.said().contains("cut: "), "{}", tail.said());
}
