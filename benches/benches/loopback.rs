//! Question: what do hashing, proofs of payment and the session's rules cost a paid stream over
//! QUIC, beside what wire and disk cost anyhow?
//!
//! One seller and one buyer as they ship, over loopback QUIC, each with a shelf of its own; against
//! the same frames and the same records with the same grouped syncs between two loops that know
//! nothing. Both pay chunk by chunk, so a tick is two syncs, one after the other, and two ways.
//! Wall time, on purpose: what is waited for is what is asked about.
//!
//! Sketch: a sync takes far longer than a tick, a key and a chunk of one reading (some 200 us of
//! CPU together, most of it QUIC); so at most 1.3 times as long, one sync per tick at either side,
//! and some 400 bytes of UDP per reading.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weft_benches::issuer;
use weft_client::host::market::{Caller, Counter};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::BodyId,
    keys::{HostVerifier, Sign as _},
    market::{
        batch::Reading,
        chain::{PayChain, Salt},
        objects::{Channel, Listing},
        terms::{Sample, Unit},
    },
    time::{Span, Time},
    tx::{
        Body, ChannelOpen, CommitRef, ContentType, Data, NetworkId, Offer, Payload, Seal,
        SealedBody, StreamName, Title,
    },
    units::{Amount, Sequence},
};
use weft_market::{
    buyer::{self, Event, Wanted},
    drive::{Answer, Dial as _, Ledger, Resumed, Scribe, Shop, ShopSettings, Stall, Told},
    frame::{Key, SealedChunk, Tick, ToBuyer, ToSeller},
    ledger::Found,
    seal::{Cut, StreamSecret},
    shelf::{Batch, FjallShelf, SellerBook, Shelf, Table},
};

const NETWORK: NetworkId = NetworkId(*b"bnch");

/// Bytes of a reading: a time and two values as text.
const READING_BYTES: usize = 24;

/// Chunks that a seller sends ahead of their payment, once it trusts its buyer.
const AHEAD: usize = 16;

/// How often each is run; the fastest counts, which the rest of the machine disturbed least.
const RUNS: usize = 3;

fn main() {
    // `cargo test --benches` runs this too: there a small load shows that it works.
    let is_bench = std::env::args().any(|arg| arg == "--bench");
    let (ticks, runs) = if is_bench { (2_000, RUNS) } else { (40, 1) };
    let runtime = Runtime::new().expect("a runtime");
    let (mut session, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let taken = runtime.block_on(trade(ticks));
        bare.push(runtime.block_on(shuttle(ticks, &taken)));
        session.push(taken);
    }
    let best = session.iter().min_by_key(|run| run.time).expect("a run");
    let bare = bare.into_iter().min().expect("a run");
    let per_second = |time: Duration| f64::from(ticks) / time.as_secs_f64();
    let per_tick = |count: u64| count as f64 / f64::from(ticks);
    println!(
        "loopback: {:.0} ticks a second in one session, {:.0} of the same frames and syncs alone: \
         {:.2} times as long",
        per_second(best.time),
        per_second(bare),
        best.time.as_secs_f64() / bare.as_secs_f64(),
    );
    println!(
        "loopback: syncs per tick {:.2} at the seller, {:.2} at the buyer; {:.0} bytes of UDP per \
         paid reading of {READING_BYTES}",
        per_tick(best.syncs[0]),
        per_tick(best.syncs[1]),
        per_tick(best.udp_bytes),
    );
}

/// What one trade took.
struct Taken {
    time: Duration,
    /// Of seller and buyer.
    syncs: [u64; 2],
    udp_bytes: u64,
    /// Bytes of the last record of a payment: of seller and buyer.
    records: [usize; 2],
    /// Bytes of a chunk's frame.
    chunk: usize,
}

/// A ledger that says yes at once: its cost is no matter of a session.
struct Yes {
    listing: Listing,
    channel: Channel,
    bodies: Mutex<BTreeMap<BodyId, SealedBody>>,
}

impl Yes {
    fn body(&self, id: BodyId) -> Option<SealedBody> {
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.get(&id).cloned()
    }
}

impl Ledger for Yes {
    fn network(&self) -> NetworkId {
        NETWORK
    }

    fn account(&self) -> Address {
        self.listing.seller
    }

    fn seal(&self, payload: Payload) -> Answer<'_, SealedBody> {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = sealed(bodies.len() as u64, payload);
        bodies.insert(sealed.body.id(), sealed.clone());
        Box::pin(async { Ok(sealed) })
    }

    fn send<'a>(&'a self, _: &'a SealedBody) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn finish(&self, _: BodyId) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn listing(&self, _: BodyId) -> Answer<'_, Option<Listing>> {
        Box::pin(async { Ok(Some(self.listing.clone())) })
    }

    fn channel(&self, _: BodyId) -> Answer<'_, Option<Box<Found>>> {
        let payer_key = issuer(0).public_key().clone();
        let found = Found { channel: self.channel.clone(), payer_key };
        Box::pin(async { Ok(Some(Box::new(found))) })
    }

    fn data(&self, id: BodyId) -> Answer<'_, Option<(Address, Data)>> {
        let found = self.body(id).and_then(|sealed| match sealed.body.payload {
            Payload::Data(data) => Some((sealed.body.issuer, data)),
            _ => None,
        });
        Box::pin(async { Ok(found) })
    }

    fn is_proving(&self) -> bool {
        false
    }

    fn committed(&self, _: Time) -> Answer<'_, Time> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(now())
        })
    }
}

fn now() -> Time {
    let since = std::time::UNIX_EPOCH.elapsed().expect("a clock behind 1970");
    Time::from_millis(u64::try_from(since.as_millis()).expect("a clock of this age"))
}

fn sealed(sequence: u64, payload: Payload) -> SealedBody {
    let key = issuer(0);
    let body = Body {
        network: NETWORK,
        issuer: Address::of(key.public_key().id()),
        signer: None,
        sequence: Sequence(sequence),
        time: now(),
        expires: Time::ZERO,
        beacon: CommitRef::NONE,
        payload,
    };
    let seal = Seal::new(&body, &key).expect("a whole key signs");
    SealedBody { body, seal }
}

fn offer(counter: &Counter) -> Offer {
    Offer {
        stream: StreamName::parse("bench").expect("a short name"),
        source: Address::of(issuer(0).public_key().id()),
        title: Title::parse("A bench").expect("a short title"),
        unit: Unit::Reading,
        price: Amount(1),
        sample: Sample::default(),
        endpoint: counter.endpoint,
        addresses: counter.addresses.clone(),
        terms: [0; 32],
        expiry: now() + Span::from_secs(100_000),
    }
}

fn channel(listing: &Listing, chain: &PayChain) -> Channel {
    let terms = ChannelOpen {
        offer: listing.id,
        payee: listing.seller,
        salt: *chain.salt(),
        deposit: Amount(100_000_000),
        price: Amount(1),
        length: chain.length(),
        root: chain.root(),
        expiry: now() + Span::from_secs(100_000),
        grace: Span::from_secs(3_600),
    };
    Channel { id: BodyId([6; 32]), payer: listing.seller, terms, claimed: 0 }
}

async fn counter() -> Counter {
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    Counter::open(listen, Vec::new(), [7; 32]).await.expect("a free port")
}

fn shelf(dir: &Path) -> Arc<dyn Shelf> {
    Arc::new(FjallShelf::open(dir).expect("a fresh folder"))
}

fn folder() -> TempDir {
    // Beside the build, for a temporary folder may be memory, where a sync is nothing.
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// So many ticks, by seller and buyer as they ship: all chunks are there before the buyer comes.
async fn trade(ticks: u32) -> Taken {
    let dirs = [folder(), folder()];
    let [at_seller, at_buyer] = dirs.each_ref().map(|dir| shelf(dir.path()));
    let mut counter = counter().await;
    let offer = offer(&counter);
    let listing = Listing { id: BodyId([2; 32]), seller: offer.source, bond: Amount(1), offer };
    let chain = PayChain::new(Salt([1; 28]), [2; 32], ticks).expect("a length of a chain");
    let channel = channel(&listing, &chain);
    let bodies = Mutex::default();
    let ledger: Arc<dyn Ledger> =
        Arc::new(Yes { listing: listing.clone(), channel: channel.clone(), bodies });
    let settings = ShopSettings::new(listing.clone(), Cut::default());
    let book = SellerBook::new(at_seller.clone());
    let secret = StreamSecret::new([3; 32]);
    let shop = Shop::open(settings, secret, book, ledger.clone(), Arc::new(HostVerifier));
    let shop = shop.await.expect("a shop");
    let mut events = shop.events();
    for _ in 0..ticks {
        let bytes = vec![b'1'; READING_BYTES];
        let reading = Reading { time: now(), content_type: ContentType::TEXT, bytes };
        shop.publish(reading).await.expect("an open shop");
        // One event each: a chunk is for sale.
        events.recv().await.expect("nobody else happens");
    }
    let scribe = Scribe::start(at_buyer.clone());
    let before = shop.writes().1;
    let start = buyer::Counter::starting_at(0);
    let resumed = Resumed { channel: channel.clone(), chain, counter: start };
    let wanted = Wanted { readings_max: Some(ticks.into()), ..Wanted::new(listing) };
    let dial = Caller::open().await.expect("a free port");
    let mut stall = Stall::new(wanted, resumed, Arc::new(issuer(0)), ledger, dial, scribe.clone());
    let begun = Instant::now();
    let serve = async {
        let guest = counter.guests.next().await.expect("a buyer");
        let quic = guest.connection.clone();
        shop.serve(guest.connection.clone(), Box::new(guest)).await.expect("an open shop");
        quic
    };
    let buy = async {
        let mut keyed = 0;
        while let Some(told) = stall.next().await {
            if let Told::Event(Event::Readings { .. }) = told.expect("a disk that works") {
                keyed += 1;
            }
        }
        assert_eq!(keyed, ticks, "everything came");
        begun.elapsed()
    };
    let (quic, time) = tokio::join!(serve, buy);
    let stats = quic.stats();
    let record = |shelf: &Arc<dyn Shelf>, table| {
        let found = shelf.read(table, channel.id.as_bytes()).expect("a disk that works");
        found.map_or(0, |record| record.len())
    };
    let reading = |(_, chunk): &(Vec<u8>, bytes::Bytes)| chunk.clone();
    let chunks = at_seller.list(Table::Ciphertext, &[], 1).expect("a disk that works");
    let ciphertext = chunks.first().map(reading).expect("a chunk");
    let batch = BodyId([0; 32]);
    let chunk = SealedChunk { sequence: 0, ticks: 1, end: 1, batch, ciphertext };
    Taken {
        time,
        syncs: [shop.writes().1 - before, scribe.counts().1],
        udp_bytes: stats.udp_tx.bytes + stats.udp_rx.bytes,
        records: [record(&at_seller, Table::Counter), record(&at_buyer, Table::Progress)],
        chunk: ToBuyer::Chunk(chunk).to_bytes().len(),
    }
}

/// The same frames and records, and nothing that understands them.
async fn shuttle(ticks: u32, taken: &Taken) -> Duration {
    let dirs = [folder(), folder()];
    let [at_seller, at_buyer] = dirs.each_ref().map(|dir| Scribe::start(shelf(dir.path())));
    let [seller_bytes, buyer_bytes] = taken.records;
    let word = weft_core::digest::PayWord([1; 32]);
    let tick = ToSeller::Tick(Tick { index: 1, word }).to_bytes();
    let key = ToBuyer::Key(Key { index: 1, key: [2; 32] }).to_bytes();
    let chunk = vec![3; taken.chunk];
    let mut counter = counter().await;
    let (id, address) = (counter.endpoint, counter.addresses.first().copied().expect("one"));
    let caller = Caller::open().await.expect("a free port");
    let begun = Instant::now();
    let serve = async {
        let guest = counter.guests.next().await.expect("a buyer");
        let (mut to, mut from) = guest.connection.accept_bi().await.expect("a stream");
        let mut left = ticks as usize;
        for _ in 0..AHEAD.min(left) {
            to.write_all(&chunk).await.expect("a reader");
            left -= 1;
        }
        let mut paid = vec![0; tick.len()];
        from.read_exact(&mut [0]).await.expect("a greeting");
        for _ in 0..ticks {
            from.read_exact(&mut paid).await.expect("a payment");
            at_seller.write(record(seller_bytes)).await.expect("a disk that works");
            to.write_all(&key).await.expect("a reader");
            if left > 0 {
                to.write_all(&chunk).await.expect("a reader");
                left -= 1;
            }
        }
        to.finish().expect("a stream");
        // The buyer has all once it goes.
        let _ = guest.connection.closed().await;
    };
    let buy = async {
        let quic = caller.dial(id, address).await.expect("a seller");
        let (mut to, mut from) = quic.open_bi().await.expect("a stream");
        let (mut ahead, mut key) = (vec![0; chunk.len()], vec![0; key.len()]);
        // A stream is there with its first byte.
        to.write_all(b"?").await.expect("a reader");
        for _ in 0..AHEAD.min(ticks as usize) {
            from.read_exact(&mut ahead).await.expect("a chunk");
        }
        for paid in 0..ticks as usize {
            at_buyer.write(record(buyer_bytes)).await.expect("a disk that works");
            to.write_all(&tick).await.expect("a reader");
            from.read_exact(&mut key).await.expect("a key");
            if paid + AHEAD < ticks as usize {
                from.read_exact(&mut ahead).await.expect("a chunk");
            }
        }
        let time = begun.elapsed();
        quic.close(0_u32.into(), b"done");
        time
    };
    let ((), time) = tokio::join!(serve, buy);
    time
}

fn record(bytes: usize) -> Batch {
    let mut batch = Batch::default();
    batch.put(Table::Counter, &[6; 32], vec![4; bytes]);
    batch
}
