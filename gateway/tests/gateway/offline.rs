//! A device out of reach for days, and the gateway that meets it then.

use std::time::{Duration, Instant};

use weft_client::{
    host::NodeClient,
    tiny::{Clock as DeviceClock, Device, Flash, FlashError, RECORD_BYTES, SLOTS, Sealed},
};
use weft_core::{
    codec::Decode as _,
    digest::TxId,
    keys::{HostVerifier, Scheme, SeedKey},
    outcome::Outcome,
    proof::{NoLowerBound, Proof},
    time::{Span, Time},
    tx::{ContentType, Payload, Reading},
};
use weft_gateway::{Clock, Gateway};
use weft_node::Clock as NodeClock;

use crate::support::{DEADLINE, World, final_receipt, post, readings};

const SEALED: [(&str, &str); 1] = [("content-type", "application/vnd.weft.body")];
const THREE_DAYS_MS: u64 = 3 * 24 * 3_600_000;

/// Flash of a device that was never switched on.
struct Erased([[u8; RECORD_BYTES]; SLOTS]);

impl Flash for Erased {
    fn read(&mut self, slot: usize) -> Result<[u8; RECORD_BYTES], FlashError> {
        Ok(self.0[slot])
    }

    fn write(&mut self, slot: usize, record: &[u8; RECORD_BYTES]) -> Result<(), FlashError> {
        self.0[slot] = *record;
        Ok(())
    }
}

/// The device's own clock.
struct Own(NodeClock);

impl DeviceClock for Own {
    fn now(&mut self) -> Time {
        self.0.now()
    }
}

/// The transaction of what a device handed over, once that is final.
async fn finished(
    gateway: &Gateway,
    device: &str,
    token: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> TxId {
    let path = format!("/up/{device}/walk");
    let (status, answer) = post(gateway, &path, token, headers, body).await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("/receipts/{device}/{}", answer["messages"][0].as_str().unwrap());
    let receipt = final_receipt(gateway, &path, token).await;
    assert_eq!(receipt["outcome"], "applied", "{receipt}");
    receipt["tx"].as_str().unwrap().parse().unwrap()
}

/// The proof of `tx`, once a quorum signed it; asks until it has.
async fn proof(node: &NodeClient, tx: TxId) -> Proof {
    let start = Instant::now();
    loop {
        match node.proof(tx).await {
            Ok(bytes) => return Proof::from_bytes(&bytes).unwrap(),
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_offline_is_proven_three_days_later_through_another_gateway() {
    let world = World::new();
    let (home, guest) = (world.device("walker"), world.device("guest"));
    let (clock, day_zero) = (Clock::default(), NodeClock::start());
    let key = SeedKey::new(Scheme::MlDsa44, &[4; 32]).unwrap();
    let flash = Erased([[0xff; RECORD_BYTES]; SLOTS]);
    let network = world.genesis.network();
    let mut device = Device::open(network, key, flash, Own(day_zero)).unwrap();
    let mut memory = [0; 4_096];

    // Its own gateway registers it. What it seals afterwards, that gateway never sees.
    let (node, client) = world.node_at(day_zero).await;
    let gateway = world.gateway_at(world.config(client.url()), &clock).await;
    let Sealed { bytes, .. } = device.register(&mut memory).unwrap();
    let registered = finished(&gateway, "walker", &home, &SEALED, &memory[..bytes]).await;
    let registered = proof(&client, registered).await.record.time;
    let reading = Reading { stream: "walk/soil", content_type: ContentType::TEXT, bytes: b"17.25" };
    let Sealed { bytes, body, .. } = device.seal(&reading, &mut memory).unwrap();
    let sealed_before = day_zero.now();
    gateway.shutdown().await;
    node.shutdown().await;

    clock.advance(THREE_DAYS_MS);
    let later = NodeClock::start_at(day_zero.now() + Span::from_millis(THREE_DAYS_MS));
    let (node, client) = world.node_at(later).await;
    let gateway = world.other_gateway_at(client.url(), &clock).await;
    // A ledger's time is that of the round before: others posted in these three days.
    finished(&gateway, "guest", &guest, &[], b"1").await;
    let tx = finished(&gateway, "guest", &guest, &SEALED, &memory[..bytes]).await;

    let proof = proof(&client, tx).await;
    let committee = &world.genesis.committee;
    let proven = proof.verify(committee, network, &HostVerifier, None).unwrap();
    assert_eq!((proven.body, proven.outcome, proven.signed), (body, Outcome::Applied, true));
    assert_eq!(proof.body.issuer, device.address());
    let Payload::Data(said) = &proof.body.payload else { panic!("{:?}", proof.body) };
    assert_eq!((said.stream.as_str(), &said.bytes[..]), ("walk/soil", &b"17.25"[..]));
    // The device's word beside the ledger's: it has no beacon, so only one side is bounded.
    let told = proof.body.time;
    assert!(registered <= told && told <= sealed_before, "{registered:?} {told:?}");
    assert!(proven.not_after.since(told) >= Span::from_millis(THREE_DAYS_MS));
    assert_eq!(proven.not_before, Err(NoLowerBound::NoBeacon));
    let shown = readings(&client, "walk/soil", 1).await;
    assert_eq!((shown[0].id, shown[0].time), (tx, told.as_millis()));
    gateway.shutdown().await;
    node.shutdown().await;
}
