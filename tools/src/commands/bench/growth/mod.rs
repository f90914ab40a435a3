//! `weft bench growth`: does a node cost the same when much is stored as when little is?
//!
//! One node that decides alone, fed by gossip with transactions signed beforehand until so many are
//! stored; at each size it is looked at from all sides ([`look`]). What compares is measured in the
//! same run: bare libraries on the same bytes, an answer that needs no store, the node when it was
//! empty.
//!
//! Invariant: the memory of this process does not grow with what is stored, but for the ids of one
//! in [`SAMPLE`] of the smallest size.
//!
//! Left out on purpose: what pruning saves, as a measurement. A node drops whole transactions by
//! age, and no earlier than it can be sure to need them no more; signatures alone it never drops.
//! Both are told by the bytes of a transaction, and said to be no measurement.

mod look;
mod report;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use clap::value_parser;
use weft_core::{
    codec::Decode as _,
    digest::{KeyId, TxId},
    keys::PublicKey,
    tx::Transaction,
};

pub(super) use self::report::text;
use self::{
    look::{Look, Stretch},
    report::{growth, seals},
};
use super::{
    bound::{self, Bare},
    child::Place,
    feed::Feed,
    made::{Maker, Size},
    measured::{self, Node},
};
use crate::{failure::Failure, network::Network, output::Output};

/// Transactions that are made and fed at once: some tens of megabytes.
const PORTION: usize = 10_000;

/// The last ones before a size, on which the cost at that size is measured: twice what a store
/// gathers before it merges, or the cost of a merge would be all there or not there at all. Half a
/// gigabyte with short readings.
const STRETCH: usize = 200_000;

/// Transactions of the smallest size whose ids are kept, to be read again.
const SAMPLE: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many are stored when it is measured, ascending
    #[arg(
        long,
        value_name = "N,N..",
        value_delimiter = ',',
        default_value = "10000,100000",
        value_parser = value_parser!(u32).range(100..=100_000_000),
    )]
    sizes: Vec<u32>,
    #[command(flatten)]
    size: Size,
    /// For how long the node is watched while it has nothing to do
    #[arg(
        long,
        value_name = "S",
        default_value_t = 10,
        value_parser = value_parser!(u16).range(1..=600),
    )]
    idle_seconds: u16,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    if !args.sizes.is_sorted_by(|before, after| before < after) {
        return Err(Failure::usage("the sizes do not ascend").next("--sizes 10000,100000"));
    }
    let idle = Duration::from_secs(args.idle_seconds.into());
    let folder = args.place.folder("growth")?;
    let network = measured::network(&folder.path().join("net"), 0)?;
    let dir = folder.path().join("node");
    let (mut node, empty) = look::start_empty(&network, &dir).await?;
    let smallest = args.sizes.first().map_or(1, |size| *size as usize);
    let bare = Bare::open(&folder.path().join("bare"))?;
    let mut grown = Grown::new(&network, args.size.bytes(), smallest)?;
    for size in args.sizes {
        let size = size as usize;
        output.note(&format!("grows to {size}"));
        let stretch = grown.to(size, &node, &network, &bare).await?;
        output.note(&format!("looks at the node with {size} stored"));
        let look = Look::at(&mut grown, node, stretch, idle, &network, &dir).await?;
        let value = growth(size, &look, &empty);
        output.show(&value, || text(&value))?;
        node = look.node;
    }
    let value = seals(args.size.bytes());
    output.show(&value, || text(&value))?;
    node.stop().await?;
    folder.remove_if_ours();
    Ok(())
}

/// What was fed so far.
struct Grown {
    maker: Maker,
    keys: HashMap<KeyId, PublicKey>,
    work_bits: u8,
    count: usize,
    bytes: u64,
    /// Of these, what was fed to processes before this one.
    bytes_before: u64,
    /// Ids of one in so many.
    one_in: usize,
    sample: Vec<TxId>,
}

impl Grown {
    fn new(network: &Network, bytes: usize, smallest: usize) -> Result<Self, Failure> {
        let maker = Maker::new(&network.genesis, bytes)?;
        Ok(Self {
            keys: maker.keys(),
            maker,
            work_bits: network.genesis.params.work_bits,
            count: 0,
            bytes: 0,
            bytes_before: 0,
            one_in: smallest.div_ceil(SAMPLE),
            sample: Vec::new(),
        })
    }

    /// Has `node` grow until `size` are stored, and `bare` with it.
    async fn to(
        &mut self,
        size: usize,
        node: &Node,
        network: &Network,
        bare: &Bare,
    ) -> Result<Stretch, Failure> {
        let feed = node.feed(network).await?;
        if self.count == 0 {
            let registrations = self.maker.registrations()?;
            self.take(&registrations, &feed, node).await?;
        }
        // Half of what is still to come at least, so that what it costs to begin is not measured.
        let last = STRETCH.min((size - self.count).div_ceil(2));
        while self.count < size - last {
            let portion = self.maker.readings(PORTION.min(size - last - self.count))?;
            self.take(&portion, &feed, node).await?;
            bare.store(&portion)?;
            self.maker.hang_on(&node.client().tips().await?);
        }
        let portion = self.maker.readings(last)?;
        let before = node.usage()?;
        self.take(&portion, &feed, node).await?;
        let after = node.usage()?;
        self.maker.hang_on(&node.client().tips().await?);
        let store = bare.store(&portion)?;
        let bound = bound::measure_with(store, &portion, &self.keys, self.work_bits)?;
        Ok(Stretch { count: last, before, after, bound })
    }

    async fn take(&mut self, portion: &[Bytes], feed: &Feed, node: &Node) -> Result<(), Failure> {
        node.take(portion, feed).await?;
        for bytes in portion {
            if self.count.is_multiple_of(self.one_in) {
                let tx = Transaction::from_bytes(bytes).map_err(Failure::failed)?;
                self.sample.push(tx.id());
            }
            self.count += 1;
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }
}
