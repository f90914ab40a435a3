//! Events: no gap, no repeat, wherever one begins.

use crate::support::{
    World,
    account::Account,
    http::{Api, Event},
};

fn texts(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.data["text"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_what_is_attached_from_then_on() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "before")).await.expect(201);
    let mut events = api.events("", None).await;
    let posted = api.post_body(&account.reading("s", "after")).await.expect(201);
    let event = events.next().await.unwrap();
    assert_eq!((event.kind.as_str(), event.id.as_str()), ("attached", posted.text("position")));
    assert_eq!(event.data["id"], posted.text("id"));
    assert_eq!(event.data["cursor"], posted.text("position"));
    assert_eq!(event.data["text"], "after");
    assert_eq!(event.data["source"], "local");
    assert_eq!(event.data["issuer"], account.address_text());
    assert!(event.data["attached_at"].as_u64().unwrap() > 1_700_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_leaves_no_gap_and_repeats_nothing() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    let names: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let post = async {
        for name in &names {
            api.post_body(&account.reading("s", name)).await.expect(201);
        }
    };
    // A reader that hangs up again and again while readings come in, and resumes where it was.
    let read = async {
        let mut seen: Vec<String> = Vec::new();
        let mut last = "0".to_owned();
        while seen.len() < names.len() {
            let mut events = api.events("stream=s", Some(&last)).await;
            let count = (names.len() - seen.len()).min(23);
            for event in events.take(count).await {
                assert!(event.id.parse::<u64>().unwrap() > last.parse().unwrap());
                last.clone_from(&event.id);
                seen.push(event.data["text"].as_str().unwrap().to_owned());
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(post, read);
    assert_eq!(seen, names);
    // From the start, without a filter, the same.
    let mut events = api.events("after=0", None).await;
    let all = events.take(names.len()).await;
    assert_eq!(texts(&all), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_passes_what_it_names_replayed_or_live() {
    let world = World::new();
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (ours, theirs) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    let post = async |account: &Account, stream: &str, text: &str| {
        api.post_body(&account.reading(stream, text)).await.expect(201);
    };
    post(&ours, "x", "ours x 0").await;
    post(&theirs, "x", "theirs x 0").await;
    post(&ours, "y y", "ours y 0").await;
    let issuer = ours.address_text();
    let mut by_stream = api.events("after=0&stream=x", None).await;
    let mut by_issuer = api.events(&format!("after=0&issuer={issuer}"), None).await;
    let mut by_both = api.events(&format!("after=0&stream=y%20y&issuer={issuer}"), None).await;
    post(&theirs, "y y", "theirs y 1").await;
    post(&ours, "x", "ours x 1").await;
    post(&ours, "y y", "ours y 1").await;
    assert_eq!(texts(&by_stream.take(3).await), ["ours x 0", "theirs x 0", "ours x 1"]);
    let expected = ["ours x 0", "ours y 0", "ours x 1", "ours y 1"];
    assert_eq!(texts(&by_issuer.take(4).await), expected);
    assert_eq!(texts(&by_both.take(2).await), ["ours y 0", "ours y 1"]);
    // The header goes before the query.
    let mut resumed = api.events("after=0&stream=x", Some("2")).await;
    assert_eq!(texts(&resumed.take(1).await), ["ours x 1"]);
    let page = api.get(&format!("/v1/streams/x/readings?issuer={issuer}&limit=1")).await;
    assert_eq!((page.json["readings"].as_array().unwrap().len(), page.text("next")), (1, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_keep_up_is_told_where_to_resume() {
    let world = World::new();
    let mut config = world.config("a", &[]);
    config.api.subscriber_buffer = 1;
    let node = world.start_with("a", config).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.post_body(&account.reading("s", "first")).await.expect(201);
    let mut events = api.events("", None).await;
    // Many in one group: the buffer of one event cannot hold them.
    let mut seen = Vec::new();
    let resume = 'cut: loop {
        let sealed: Vec<_> = (0..64).map(|_| account.reading("s", "x")).collect();
        let posts = sealed.iter().map(|sealed| api.post_body(sealed));
        let posted = futures_util::future::join_all(posts).await;
        let newest = posted.iter().map(|answer| answer.text("position").parse::<u64>().unwrap());
        let newest = newest.max().unwrap();
        while seen.last() != Some(&newest) {
            let event = events.next().await.unwrap();
            if event.kind == "lagged" {
                break 'cut event.data["resume"].as_str().unwrap().to_owned();
            }
            seen.push(event.id.parse().unwrap());
        }
    };
    assert!(events.next().await.is_none(), "it was cut");
    let total: u64 = api.get("/v1/status").await.text("position").parse().unwrap();
    let mut resumed = api.events("", Some(&resume)).await;
    while seen.last() != Some(&total) {
        let event = resumed.next().await.unwrap();
        if event.kind == "lagged" {
            let resume = event.data["resume"].as_str().unwrap().to_owned();
            resumed = api.events("", Some(&resume)).await;
            continue;
        }
        seen.push(event.id.parse().unwrap());
    }
    assert_eq!(seen, (2..=total).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_events_are_limited_and_end_with_the_node() {
    let world = World::new();
    let mut config = world.config("a", &[]);
    config.api.subscribers_max = 1;
    let node = world.start_with("a", config).await;
    let api = Api::of(&node);
    let mut events = api.events("", None).await;
    let refused = api.get("/v1/events").await;
    assert_eq!(refused.code(), (503, "busy"));
    assert!(refused.headers.contains_key("retry-after"));
    node.shutdown().await;
    assert!(events.next().await.is_none());
}
