//! Hours without a network, on a clock that is moved, and what a day has of quotas.

use weft_gateway::Clock;

use crate::support::{World, final_receipt, get, nowhere, post, readings, texts};

const HOUR_MS: u64 = 3_600_000;

/// The number behind the name of a metric.
fn metric(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("weft_gateway_{name} ")));
    line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_hours_without_a_node_all_drains_in_order_and_live_data_goes_between() {
    const COUNT: usize = 300;
    let world = World::new();
    let (old, live) = (world.device("old"), world.device("live"));
    let clock = Clock::default();
    let gateway = world.gateway_at(world.config(&nowhere()), &clock).await;
    for number in 0..COUNT {
        let (status, _) = post(&gateway, "/up/old/n", &old, &[], number.to_string()).await;
        assert_eq!(status, 201);
    }
    clock.advance(5 * HOUR_MS);
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    let age = metric(&metrics, "oldest_age_ms");
    assert!((5 * HOUR_MS..6 * HOUR_MS).contains(&age), "{age}");
    assert_eq!(metric(&metrics, "waiting_messages"), COUNT as u64);
    gateway.shutdown().await;

    let (node, client) = world.node().await;
    let mut config = world.config(client.url());
    // Of their own they have next to nothing: what they get is what live data leaves.
    config.queue.drain_per_second = 1;
    let gateway = world.gateway_at(config, &clock).await;
    readings(&client, "old/n", 1).await;
    let (status, answer) = post(&gateway, "/up/live/n", &live, &[], "now").await;
    assert_eq!(status, 201);
    let path = format!("/receipts/live/{}", answer["messages"][0].as_str().unwrap());
    final_receipt(&gateway, &path, &live).await;

    let drained = readings(&client, "old/n", COUNT).await;
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(texts(&drained), expected);
    let live = readings(&client, "live/n", 1).await;
    let last = drained.last().unwrap().cursor;
    assert!(live[0].cursor < last, "{:?} waited for all until {last:?}", live[0].cursor);
    let (_, metrics) = get(&gateway, "/metrics", "").await;
    let levels = ["oldest_age_ms", "waiting_messages"].map(|name| metric(&metrics, name));
    assert_eq!(levels, [0, 0]);
    gateway.shutdown().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_done_for_a_device_is_counted_until_midnight() {
    let world = World::new();
    // Small bodies cost four tries here: the world's two bits.
    let token = world.device_with("a", |device| device.quota.work_per_day = 8);
    let (node, client) = world.node().await;
    let clock = Clock::default();
    let gateway = world.gateway_at(world.config(client.url()), &clock).await;
    let send = async |text: &str| post(&gateway, "/up/a/n", &token, &[], text).await;
    for text in ["1", "2"] {
        let (status, answer) = send(text).await;
        assert_eq!(status, 201, "{answer}");
        let path = format!("/receipts/a/{}", answer["messages"][0].as_str().unwrap());
        final_receipt(&gateway, &path, &token).await;
    }
    let (status, answer) = send("3").await;
    assert_eq!((status, &answer["code"]), (429, &"quota".into()), "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("work"), "{answer}");
    clock.advance(24 * HOUR_MS);
    assert_eq!(send("4").await.0, 201, "another day");
    assert_eq!(texts(&readings(&client, "a/n", 3).await), ["1", "2", "4"]);
    gateway.shutdown().await;
    node.shutdown().await;
}
