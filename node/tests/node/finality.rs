//! What becomes final on a node that is the whole committee: outcomes, balances, proofs, events.

use weft_core::{
    codec::Decode as _,
    keys::HostVerifier,
    proof::{NoLowerBound, Proof},
    tx::CommitRef,
};

use crate::support::{
    World,
    account::Account,
    http::{Api, Event},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_is_awaited_and_both_balances_show_it() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (rich, poor) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    let sealed = rich.transfer(poor.address(), 400_000, CommitRef::NONE);
    let done = api.settle(&sealed).await.expect(201);
    assert!(["committed", "certified"].contains(&done.text("state")), "{done:?}");
    assert_eq!(done.json["outcome"]["code"], "applied");
    let commit = done.json["commit"].as_u64().unwrap();

    let account = async |account: &Account| {
        api.get(&format!("/v1/accounts/{}", account.address_text())).await.expect(200)
    };
    let (sender, receiver) = (account(&rich).await, account(&poor).await);
    assert_eq!((sender.text("balance"), receiver.text("balance")), ("600000", "400000"));
    assert_eq!((&sender.json["next"], &sender.json["consumed"]), (&1.into(), &1.into()));
    assert_eq!((&receiver.json["exists"], &receiver.json["next"]), (&true.into(), &0.into()));
    let key = rich.address().first_key().to_string();
    assert_eq!((sender.text("key"), &sender.json["gaps"]), (&*key, &serde_json::json!([])));

    let record = api.get(&format!("/v1/commits/{commit}")).await.expect(200);
    let leaf = usize::try_from(done.json["leaf"].as_u64().unwrap()).unwrap();
    assert_eq!(record.json["leaves"][leaf]["id"], done.text("id"));
    let latest = api.get("/v1/commits/latest").await.expect(200);
    assert!(latest.json["index"].as_u64().unwrap() >= commit);
    assert_eq!(api.get("/v1/commits/0").await.code(), (404, "not_found"));

    // The same again, and as a whole transaction: the same fate.
    let again = api.settle(&sealed).await.expect(200);
    assert_eq!((again.text("id"), &again.json["commit"]), (done.text("id"), &commit.into()));
    let status = api.get("/v1/status").await.expect(200);
    assert_eq!(status.json["finality"]["signing"], "active");
    assert!(status.json["finality"]["committed"].as_u64().unwrap() >= commit);
    api.get("/readyz").await.expect(200);
    let metrics = String::from_utf8(api.get("/metrics").await.bytes).unwrap();
    for line in ["weft_attach_to_commit_seconds_count 1", "weft_signing{kind=\"active\"} 1"] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bodies_with_one_sequence_the_second_names_the_winner() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let (rich, poor) = (Account::new(&world.genesis, 1), Account::new(&world.genesis, 2));
    let spend =
        |sequence, amount| rich.transfer_at(sequence, poor.address(), amount, CommitRef::NONE);
    let winner = api.settle(&spend(0, 5_000)).await.expect(201);
    let sealed = spend(0, 6_000);
    let loser = api.settle(&sealed).await.expect(201);
    assert_eq!(loser.json["outcome"]["code"], "seq_used");
    assert!(loser.json["outcome"]["detail"].as_str().unwrap().contains("another body"));
    assert_eq!(loser.text("winner"), winner.text("id"));
    for path in
        [format!("/v1/transactions/{}", loser.id()), format!("/v1/bodies/{}", sealed.body.id())]
    {
        let shown = api.get(&path).await.expect(200);
        assert_eq!(
            (shown.text("winner"), &shown.json["commit"]),
            (winner.text("id"), &loser.json["commit"])
        );
    }
    // It has not that much; the sequence is used all the same.
    let poorer = api.settle(&spend(1, 2_000_000)).await.expect(201);
    assert_eq!(poorer.json["outcome"]["code"], "insufficient");

    let path = format!("/v1/accounts/{}/history", rich.address_text());
    let history = api.get(&path).await.expect(200);
    let bodies = history.json["bodies"].as_array().unwrap();
    let outcomes: Vec<_> = bodies.iter().map(|done| &done["outcome"]["code"]).collect();
    assert_eq!(outcomes, ["applied", "insufficient"]);
    assert_eq!(bodies[0]["id"], winner.text("id"));
    assert_eq!(bodies[0]["content"]["outputs"][0]["amount"], "5000");
    assert_eq!(history.text("next"), "2");
    let page = api.get(&format!("{path}?after=1&limit=1")).await.expect(200);
    assert_eq!(page.json["bodies"][0]["sequence"], 1);
    let end = api.get(&format!("{path}?after=2")).await.expect(200);
    assert_eq!((end.json["bodies"].as_array().unwrap().len(), end.text("next")), (0, "2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_convinces_whoever_has_the_committee() {
    let world = World::of_one(&[1]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    let first = account.transfer(account.address(), 5_000, CommitRef::NONE);
    let first = api.settle(&first).await.expect(201).json["commit"].as_u64().unwrap();
    let beacon = api.get(&format!("/v1/commits/{first}")).await.expect(200);
    let beacon = CommitRef::from_bytes(&hex(beacon.text("reference"))).unwrap();
    let sealed = account.transfer(account.address(), 6_000, beacon);
    let done = api.settle(&sealed).await.expect(201);
    let commit = done.json["commit"].as_u64().unwrap();
    // Later certificates vouch for it too.
    for wanted in [commit, commit + 2] {
        api.until_certified(wanted).await;
        for id in [done.text("id").to_owned(), sealed.body.id().to_string()] {
            let file = api.get(&format!("/v1/proofs/{id}")).await.expect(200);
            assert_eq!(file.headers["content-type"], "application/octet-stream");
            let proof = Proof::from_bytes(&file.bytes).unwrap();
            let committee = &world.genesis.committee;
            let network = world.genesis.network();
            let proven = proof.verify(committee, network, &HostVerifier, None).unwrap();
            assert_eq!((proven.tx, proven.body), (done.id(), sealed.body.id()));
            assert_eq!((proven.commit.0, proven.signed), (commit, true));
            assert!(proven.certified.index.0 >= wanted);
            assert!(proven.not_before.unwrap() < proven.not_after);
        }
    }
    let reading = account.reading("s", "no beacon");
    let done = api.settle(&reading).await.expect(201);
    api.until_certified(done.json["commit"].as_u64().unwrap()).await;
    let file = api.get(&format!("/v1/proofs/{}", done.id())).await.expect(200);
    let proof = Proof::from_bytes(&file.bytes).unwrap();
    let (committee, network) = (&world.genesis.committee, world.genesis.network());
    let proven = proof.verify(committee, network, &HostVerifier, None).unwrap();
    assert_eq!(proven.not_before, Err(NoLowerBound::NoBeacon));
    let unknown = api.get(&format!("/v1/proofs/{}", "ab".repeat(32))).await;
    assert_eq!(unknown.code(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_both_kinds_resume_without_a_gap_or_a_repeat() {
    let world = World::of_one(&[]);
    let node = world.start("a", &[]).await;
    let api = Api::of(&node);
    let account = Account::new(&world.genesis, 1);
    api.settle(&account.reading("s", "first")).await.expect(201);
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let post = async {
        for name in &names {
            api.post_body(&account.reading("s", name)).await.expect(201);
        }
    };
    // A reader that hangs up again and again, and resumes behind the last event that it saw.
    let read = async {
        let mut last = "0".to_owned();
        let (mut attached, mut committed): (Vec<Event>, Vec<Event>) = (Vec::new(), Vec::new());
        while committed.len() <= names.len() {
            let mut events = api.events("stream=s&kinds=attached,committed", Some(&last)).await;
            let left = 2 * (names.len() + 1) - attached.len() - committed.len();
            for event in events.take(left.min(7)).await {
                last.clone_from(&event.id);
                let list = if event.kind == "attached" { &mut attached } else { &mut committed };
                list.push(event);
            }
        }
        (attached, committed)
    };
    let ((), (attached, committed)) = tokio::join!(post, read);
    let ids = |events: &[Event]| {
        let mut ids: Vec<_> = events.iter().map(|event| event.data["id"].to_string()).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "each once");
        ids
    };
    assert_eq!(ids(&attached), ids(&committed));
    assert_eq!(attached.len(), names.len() + 1);
    for event in &committed {
        assert_eq!(event.data["outcome"]["code"], "applied", "{event:?}");
        assert_eq!(event.data["issuer"], account.address_text());
    }
    let places: Vec<_> = committed
        .iter()
        .map(|event| (event.data["commit"].as_u64(), event.data["leaf"].as_u64()))
        .collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    // A plain cursor is taken too, and unknown kinds are not.
    let mut plain = api.events("kinds=attached,committed,certified&after=0", None).await;
    assert_eq!(plain.take(1).await[0].data["text"], "first");
    assert_eq!(api.get("/v1/events?kinds=all").await.code(), (400, "parameter"));
    assert_eq!(api.get("/v1/events?kinds=committed&after=0.999999").await.code(), (400, "cursor"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_committee_the_wait_ends_and_says_so() {
    let world = World::new();
    let mut config = world.config("a", &[]);
    config.api.submit_timeout_ms = 300;
    let node = world.start_with("a", config).await;
    let api = Api::of(&node);
    let sealed = Account::new(&world.genesis, 1).reading("s", "0");
    let waiting = api.settle(&sealed).await.expect(202);
    assert_eq!(waiting.text("state"), "attached");
    let refused = api.get(&format!("/v1/proofs/{}", waiting.id())).await;
    assert!(refused.text("detail").contains("not ordered yet"), "{refused:?}");
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}
