//! Bodies and objects of the market: any of them, and one of each for the frozen bytes.

use proptest::{collection::vec, option, prelude::*, sample::select};
use weft_core::{
    address::Address,
    codec::Encode as _,
    digest::{BodyId, KeyId, NodeId},
    market::{
        batch::{Chunk, Reading, SealLevel, SealedBatch, ciphertext_digest, key_commitment},
        chain::{ClaimPath, PayChain, PayRoot, PayWord, Salt},
        objects::{Channel, Listing},
        terms::{GRACE_MIN, REACH_MAX, Sample, Unit},
    },
    object::{Object, ObjectKey},
    time::{Span, Time},
    tx::{
        ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, ContentType,
        Data, Offer, OfferEnd, Payload, StreamName, Title,
    },
    units::Amount,
};

use crate::values::socket;

fn id() -> impl Strategy<Value = BodyId> {
    any::<[u8; 32]>().prop_map(BodyId)
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 32]>().prop_map(|key| Address::of(KeyId(key)))
}

fn time() -> impl Strategy<Value = Time> {
    any::<u64>().prop_map(Time::from_millis)
}

fn offer() -> impl Strategy<Value = Offer> {
    let names = ("[a-zäß€🌍 ]{1,16}", "[a-zäß€🌍 ]{1,32}", address(), any::<[u8; 32]>());
    let price = (select(Unit::ALL.to_vec()), 1..=u64::MAX, any::<(u16, u32)>());
    let reach = (any::<[u8; 32]>(), vec(socket(), 1..=REACH_MAX), time());
    (names, price, reach).prop_map(|((stream, title, source, terms), price, reach)| {
        let ((unit, price, (readings, delay_s)), (endpoint, addresses, expiry)) = (price, reach);
        Offer {
            stream: StreamName::parse(&stream).unwrap(),
            source,
            title: Title::parse(&title).unwrap(),
            unit,
            price: Amount(price),
            sample: Sample { readings, delay_s },
            endpoint: NodeId(endpoint),
            addresses,
            terms,
            expiry,
        }
    })
}

fn open() -> impl Strategy<Value = ChannelOpen> {
    let who = (id(), address(), any::<[u8; 28]>(), any::<[u8; 32]>());
    let amounts = (1..=u64::MAX, 1..=u64::MAX, 1..=65_536_u32);
    let times = (time(), 60_000..=30 * 86_400_000_u64);
    (who, amounts, times).prop_map(|((offer, payee, salt, root), amounts, (expiry, grace))| {
        let (deposit, price, length) = amounts;
        ChannelOpen {
            offer,
            payee,
            salt: Salt(salt),
            deposit: Amount(deposit),
            price: Amount(price),
            length,
            root: PayRoot(root),
            expiry,
            grace: Span::from_millis(grace),
        }
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    let leaves = vec(any::<[u8; 32]>(), 1..9);
    (1..=65_536_u32, any::<[u8; 32]>(), leaves).prop_map(|(index, word, leaves)| Claim {
        index,
        word: PayWord(word),
        path: ClaimPath::to(&leaves, 0).unwrap(),
    })
}

fn sealed_batch() -> impl Strategy<Value = Payload> {
    let digests = any::<[[u8; 32]; 3]>();
    (select(SealLevel::ALL.to_vec()), any::<u64>(), any::<[u64; 2]>(), 1..=4_096_u16, digests)
        .prop_map(|(level, chunk, mut times, count, digests)| {
            times.sort_unstable();
            let ([first, last], [plain_root, ciphertext, key_commitment]) = (times, digests);
            let (first, last) = (Time::from_millis(first), Time::from_millis(last));
            data(&SealedBatch {
                level,
                chunk,
                first,
                last,
                count,
                plain_root,
                ciphertext,
                key_commitment,
            })
        })
}

fn data(batch: &SealedBatch) -> Payload {
    let stream = StreamName::parse("paid").unwrap();
    let (content_type, bytes) = (ContentType::SEALED_BATCH, batch.to_bytes().into());
    Payload::Data(Data { stream, content_type, bytes })
}

/// Any payload of the market.
pub(crate) fn market() -> impl Strategy<Value = Payload> {
    let top_up = (id(), any::<u64>(), time()).prop_map(|(channel, amount, expiry)| {
        Payload::ChannelTopUp(ChannelTopUp { channel, amount: Amount(amount), expiry })
    });
    prop_oneof![
        sealed_batch(),
        offer().prop_map(Payload::Offer),
        id().prop_map(|offer| Payload::OfferEnd(OfferEnd { offer })),
        open().prop_map(Payload::ChannelOpen),
        top_up,
        (id(), claim()).prop_map(|(channel, claim)| {
            Payload::ChannelClaim(ChannelClaim { channel, claim })
        }),
        (id(), option::of(claim())).prop_map(|(channel, claim)| {
            Payload::ChannelClose(ChannelClose { channel, claim })
        }),
        id().prop_map(|channel| Payload::ChannelWithdraw(ChannelWithdraw { channel })),
    ]
}

fn golden_offer() -> Offer {
    Offer {
        stream: StreamName::parse("temperature/küche").unwrap(),
        source: Address::of(KeyId([0x11; 32])),
        title: Title::parse("Kitchen, °C").unwrap(),
        unit: Unit::Bytes24,
        price: Amount(0x0102),
        sample: Sample { readings: 0x0304, delay_s: 0x0506_0708 },
        endpoint: NodeId([0x22; 32]),
        addresses: vec!["192.0.2.1:4810".parse().unwrap(), "[2001:db8::1]:4810".parse().unwrap()],
        terms: [0x33; 32],
        expiry: Time::from_millis(1_800_000_000_000),
    }
}

fn golden_open() -> (ChannelOpen, Claim) {
    let mut chain = PayChain::new(Salt([0x44; 28]), [0x55; 32], 600).unwrap();
    let open = ChannelOpen {
        offer: BodyId([0x66; 32]),
        payee: Address::of(KeyId([0x77; 32])),
        salt: *chain.salt(),
        deposit: Amount(0x0102_0304),
        price: Amount(0x0506),
        length: chain.length(),
        root: chain.root(),
        expiry: Time::from_millis(1_800_000_000_000),
        grace: GRACE_MIN,
    };
    let (word, path) = (chain.word(300).unwrap(), chain.path(300).unwrap());
    (open, Claim { index: 300, word, path })
}

/// Names and bytes of all that the market has.
pub(crate) fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let reading = |time, bytes: &[u8]| Reading {
        time: Time::from_millis(time),
        content_type: ContentType::TEXT,
        bytes: bytes.to_vec(),
    };
    let chunk = Chunk::new(vec![reading(1_000, b"21.4"), reading(2_000, b"")]).unwrap();
    let batch = SealedBatch {
        level: SealLevel::Batch,
        chunk: 0x0102,
        first: Time::from_millis(1_000),
        last: Time::from_millis(2_000),
        count: 2,
        plain_root: chunk.root(),
        ciphertext: ciphertext_digest(b"sealed"),
        key_commitment: key_commitment(&[7; 32]),
    };
    let (open, claim) = golden_open();
    let (channel, offer) = (BodyId([0x88; 32]), golden_offer());
    let closes = |claim| Payload::ChannelClose(ChannelClose { channel, claim });
    let more = ChannelTopUp {
        channel,
        amount: Amount(0x0708),
        expiry: Time::from_millis(1_900_000_000_000),
    };
    let listing = Listing {
        id: BodyId([0x66; 32]),
        seller: open.payee,
        bond: Amount(10_000),
        offer: offer.clone(),
    };
    let payer = Address::of(KeyId([0x99; 32]));
    let opened = Channel { id: channel, payer, terms: open.clone(), claimed: 300 };
    vec![
        ("market-chunk", chunk.to_bytes()),
        ("market-chunk-root", chunk.root().to_vec()),
        ("payload-sealed-batch", data(&batch).to_bytes()),
        ("payload-offer", Payload::Offer(offer).to_bytes()),
        ("payload-offer-end", Payload::OfferEnd(OfferEnd { offer: channel }).to_bytes()),
        ("payload-channel-open", Payload::ChannelOpen(open).to_bytes()),
        ("payload-channel-top-up", Payload::ChannelTopUp(more).to_bytes()),
        ("market-claim", claim.to_bytes()),
        (
            "payload-channel-claim",
            Payload::ChannelClaim(ChannelClaim { channel, claim: claim.clone() }).to_bytes(),
        ),
        ("payload-channel-close", closes(None).to_bytes()),
        ("payload-channel-close-claims", closes(Some(claim)).to_bytes()),
        (
            "payload-channel-withdraw",
            Payload::ChannelWithdraw(ChannelWithdraw { channel }).to_bytes(),
        ),
        ("object-listing", Object::Listing(listing).to_bytes()),
        ("object-channel", Object::Channel(opened).to_bytes()),
        ("object-key-listing", ObjectKey::listing(&channel).0.to_vec()),
        ("object-key-channel", ObjectKey::channel(&channel).0.to_vec()),
    ]
}

/// What a decoder must refuse, for the ledger would not look again.
#[test]
fn shapes_that_nobody_may_say_are_refused() {
    use weft_core::codec::Decode as _;
    let read = |payload: &Payload| Payload::from_bytes(&payload.to_bytes()).is_ok();
    let (open, claim) = golden_open();
    let opens = |change: &dyn Fn(&mut ChannelOpen)| {
        let mut open = open.clone();
        change(&mut open);
        read(&Payload::ChannelOpen(open))
    };
    assert!(opens(&|_| ()));
    assert!(!opens(&|open| open.deposit = Amount(0)));
    assert!(!opens(&|open| open.price = Amount(0)));
    assert!(!opens(&|open| open.length = 0));
    assert!(opens(&|open| open.length = 65_536));
    assert!(!opens(&|open| open.length = 65_537));
    assert!(!opens(&|open| open.grace = Span::from_millis(59_999)));
    assert!(opens(&|open| open.grace = Span::from_secs(30 * 86_400)));
    assert!(!opens(&|open| open.grace = Span::from_millis(30 * 86_400_000 + 1)));
    let offers = |change: &dyn Fn(&mut Offer)| {
        let mut offer = golden_offer();
        change(&mut offer);
        read(&Payload::Offer(offer))
    };
    assert!(offers(&|_| ()));
    assert!(!offers(&|offer| offer.price = Amount(0)));
    assert!(!offers(&|offer| offer.addresses.clear()));
    assert!(!offers(&|offer| offer.addresses = vec![offer.addresses[0]; REACH_MAX + 1]));
    let claims = |index| {
        let claim = Claim { index, ..claim.clone() };
        read(&Payload::ChannelClaim(ChannelClaim { channel: BodyId([1; 32]), claim }))
    };
    assert_eq!([0, 1, 65_536, 65_537].map(claims), [false, true, true, false]);
    for title in ["", "a\nb", &"x".repeat(129)] {
        assert!(Title::parse(title).is_err(), "{title:?}");
    }
    assert!(Title::parse(&"x".repeat(128)).is_ok());
    let stream = StreamName::parse("s").unwrap();
    let (content_type, bytes) = (ContentType::SEALED_BATCH, bytes::Bytes::from_static(b"none"));
    assert!(!read(&Payload::Data(Data { stream, content_type, bytes })));
}
