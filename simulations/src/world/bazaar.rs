//! What clients buy and sell: offers and channels of all of them, with the pay chains.
//!
//! Whatever was said is remembered, whether it took effect or not; so there are also bodies on
//! offers and channels that are not there yet, or not any more. Terms are short: some end in a run.
//!
//! Left out on purpose: sessions. What is claimed here was never delivered.

use weft_core::{
    address::Address,
    digest::{BodyId, NodeId},
    market::{
        chain::{PayChain, Salt},
        terms::{GRACE_MIN, Sample, Unit},
    },
    time::{Span, Time},
    tx::{
        ChannelClaim, ChannelClose, ChannelOpen, ChannelTopUp, ChannelWithdraw, Claim, Offer,
        OfferEnd, Payload, StreamName, Title,
    },
    units::Amount,
};

use crate::kernel::random::Dice;

/// Longest pay chain here, in ticks: long enough for a path, short enough for many runs.
const TICKS_MAX: u64 = 600;

/// Offers and channels that are remembered; the oldest are forgotten.
const KEPT: usize = 64;

#[derive(Debug)]
struct Stall {
    id: BodyId,
    seller: Address,
    price: Amount,
}

#[derive(Debug)]
struct Opened {
    id: BodyId,
    payer: Address,
    payee: Address,
    chain: PayChain,
}

/// All that is for sale and was bought.
#[derive(Debug, Default)]
pub(crate) struct Bazaar {
    stalls: Vec<Stall>,
    channels: Vec<Opened>,
    /// The chain of the channel that is being opened.
    drawn: Option<PayChain>,
}

impl Bazaar {
    /// Something that `by` may say; mostly in its own affairs.
    pub(crate) fn says(&mut self, by: Address, now: Time, dice: &mut Dice) -> Payload {
        match dice.below(10) {
            0..2 => offer(now, dice),
            2..5 => self.opens(now, dice).unwrap_or_else(|| offer(now, dice)),
            kind => self.on_channel(kind, by, now, dice).unwrap_or_else(|| offer(now, dice)),
        }
    }

    /// Remembers what a body makes.
    pub(crate) fn learn(&mut self, id: BodyId, by: Address, payload: &Payload) {
        match payload {
            Payload::Offer(offer) => {
                self.stalls.push(Stall { id, seller: by, price: offer.price });
            }
            Payload::ChannelOpen(open) => {
                let (payer, payee) = (by, open.payee);
                let opened = self.drawn.take().map(|chain| Opened { id, payer, payee, chain });
                self.channels.extend(opened);
            }
            _ => {}
        }
        self.stalls.drain(..self.stalls.len().saturating_sub(KEPT));
        self.channels.drain(..self.channels.len().saturating_sub(KEPT));
    }

    fn opens(&mut self, now: Time, dice: &mut Dice) -> Option<Payload> {
        let Stall { id, seller, price } = dice.pick(&self.stalls)?;
        let secret = dice_bytes(dice);
        let length = u32::try_from(dice.between(1, TICKS_MAX)).ok()?;
        let chain = PayChain::new(Salt(dice_bytes(dice)), secret, length)?;
        let open = ChannelOpen {
            offer: *id,
            payee: *seller,
            salt: *chain.salt(),
            deposit: Amount(dice.between(900, 30_000)),
            price: *price,
            length,
            root: chain.root(),
            expiry: now + Span::from_millis(dice.between(1, 60_000)),
            grace: GRACE_MIN,
        };
        self.drawn = Some(chain);
        Some(Payload::ChannelOpen(open))
    }

    fn on_channel(
        &mut self,
        kind: u64,
        by: Address,
        now: Time,
        dice: &mut Dice,
    ) -> Option<Payload> {
        let own = |opened: &&mut Opened| match kind {
            // Anybody may claim; only the payee closes.
            5 => true,
            8.. => opened.payee == by,
            _ => opened.payer == by || opened.payee == by,
        };
        let mut own: Vec<_> = self.channels.iter_mut().filter(own).collect();
        let at = dice.index(own.len());
        let Opened { id, payer, chain, .. } = own.get_mut(at)?;
        let channel = *id;
        let claim = |chain: &mut PayChain, dice: &mut Dice| {
            let index = u32::try_from(dice.between(1, chain.length().into())).ok()?;
            Some(Claim { index, word: chain.word(index)?, path: chain.path(index)? })
        };
        Some(match kind {
            5..7 => Payload::ChannelClaim(ChannelClaim { channel, claim: claim(chain, dice)? }),
            7 if *payer == by && dice.chance(70) => Payload::ChannelTopUp(ChannelTopUp {
                channel,
                amount: Amount(dice.below(5_000)),
                expiry: now + Span::from_millis(dice.between(1, 60_000)),
            }),
            7 => Payload::ChannelWithdraw(ChannelWithdraw { channel }),
            _ if dice.chance(20) => {
                let Stall { id, .. } = dice.pick(&self.stalls)?;
                Payload::OfferEnd(OfferEnd { offer: *id })
            }
            _ => {
                let claim = if dice.chance(50) { claim(chain, dice) } else { None };
                Payload::ChannelClose(ChannelClose { channel, claim })
            }
        })
    }
}

fn dice_bytes<const BYTES: usize>(dice: &mut Dice) -> [u8; BYTES] {
    dice.bytes(BYTES).try_into().unwrap_or([1; BYTES])
}

fn offer(now: Time, dice: &mut Dice) -> Payload {
    let address = ([192, 0, 2, 1], 4_810).into();
    Payload::Offer(Offer {
        stream: StreamName::parse("paid").expect("a short name"),
        source: Address::of(weft_core::digest::KeyId(dice_bytes(dice))),
        title: Title::parse("a paid stream").expect("a short title"),
        unit: Unit::Reading,
        price: Amount(dice.between(1, 90)),
        sample: Sample::default(),
        endpoint: NodeId(dice_bytes(dice)),
        addresses: vec![address],
        terms: [0; 32],
        expiry: now + Span::from_millis(dice.between(1, 90_000)),
    })
}
