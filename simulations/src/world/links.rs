//! How links behave: distance, jitter, loss and bandwidth.
//!
//! **Loss.** QUIC repeats what is lost and has no order between streams, so a lost packet delays
//! the rest of *its own stream* by one more round trip, and nothing else (RFC 9002 section 6; the
//! time until loss is noticed is counted as part of that round trip). A frame of many packets waits
//! for the last of them. The repeats do not count for the bandwidth.
//!
//! **Duplication and reorder** of packets therefore never reach a node: QUIC drops a packet that
//! comes twice and puts a stream in order. What is left of reorder is that between streams, which
//! jitter and loss make; what is left of duplication is peers that say something twice.
//!
//! **Bandwidth** is a queue: bytes leave one after the other, first through the line of the
//! connection, if that is limited, then through the uplink that all connections of a node share.
//!
//! Left out on purpose: congestion control and its ramp, packet headers, and queues in the middle.

use std::collections::BTreeMap;

use weft_core::time::{Span, Time};

use crate::{
    kernel::random::Dice,
    world::costs::{Micros, micros},
};

/// Bytes of a frame in one packet: QUIC's smallest datagram (RFC 9000 section 14), rounded.
const PACKET_BYTES: usize = 1_200;

/// Repeats after which a frame arrives whatever the dice say.
const REPEATS_MAX: u64 = 20;

/// How links behave.
#[derive(Clone, Debug)]
pub struct Links {
    /// One way, drawn once per pair between these two; [`Self::regions`] takes its place.
    pub delay: [Span; 2],
    /// Added to each frame: uniform, up to this.
    pub jitter: Span,
    /// Added to each frame beside that: exponential, with this mean, so that few are very late.
    pub tail: Span,
    /// Bytes per millisecond and direction of a connection, if that is limited.
    pub bytes_per_ms: Option<u64>,
    /// Bytes per millisecond that a node sends in all, if that is limited.
    pub uplink_bytes_per_ms: Option<u64>,
    /// Packets lost of a million.
    pub loss_ppm: u64,
    /// What may wait on its way to one peer, answers excepted, in bytes: what the send queue and
    /// both windows of a node's network hold. Beyond, the sender breaks the connection: the peer is
    /// too slow. 8 MiB, as the defaults of `weft-net` come to.
    pub backlog_bytes_max: usize,
    /// Where nodes are.
    pub regions: Option<Regions>,
}

impl Default for Links {
    /// A network of a continent: 10 to 40 ms one way.
    fn default() -> Self {
        Self {
            delay: [Span::from_millis(10), Span::from_millis(40)],
            jitter: Span::from_millis(5),
            tail: Span::from_millis(0),
            bytes_per_ms: None,
            uplink_bytes_per_ms: None,
            loss_ppm: 0,
            backlog_bytes_max: 8 << 20,
            regions: None,
        }
    }
}

/// Places with a round trip between each two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions {
    names: Vec<String>,
    /// Round trips in milliseconds, a row for each place.
    rtt: Vec<Vec<u64>>,
    /// The places of the first nodes; those behind them go round and round.
    placement: Vec<usize>,
}

impl Regions {
    /// Places called `names`, with round trips of `rtt` milliseconds between them; on the diagonal
    /// that within one place. An error says what is wrong with the table.
    pub fn new(names: Vec<String>, rtt: Vec<Vec<u64>>) -> Result<Self, String> {
        let count = names.len();
        if count == 0 || rtt.len() != count {
            return Err(format!("{count} places, but {} rows", rtt.len()));
        }
        for (name, row) in names.iter().zip(&rtt) {
            if row.len() != count {
                return Err(format!("{name} has {} round trips, not {count}", row.len()));
            }
        }
        Ok(Self { names, rtt, placement: Vec::new() })
    }

    /// A table in text: a line of names, then for each name a line of round trips in whole
    /// milliseconds, behind its name, all separated by commas. `#` begins a comment line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim);
        let mut next = || lines.by_ref().find(|line| !line.is_empty() && !line.starts_with('#'));
        let cells = |line: &str| -> Vec<String> {
            line.split(',').map(|cell| cell.trim().to_owned()).collect()
        };
        let head = cells(next().ok_or("an empty table")?);
        let names: Vec<String> = head.into_iter().filter(|name| !name.is_empty()).collect();
        let mut rows = Vec::new();
        for name in &names {
            let row = cells(next().ok_or_else(|| format!("no row for {name}"))?);
            let (first, rest) = row.split_first().ok_or("an empty row")?;
            if first != name {
                return Err(format!("the row of {name} is called {first}"));
            }
            let number = |cell: &String| {
                cell.parse::<u64>().map_err(|_| format!("{cell:?} in the row of {name}"))
            };
            rows.push(rest.iter().map(number).collect::<Result<_, _>>()?);
        }
        Self::new(names, rows)
    }

    /// Ten places of public clouds. Not measured: one and a half times the great circle, at 200 km
    /// per millisecond in glass, there and back.
    ///
    /// # Panics
    /// Never: the table is that of this file.
    pub fn ten() -> Self {
        Self::parse(TEN).expect("a table without a mistake")
    }

    /// The same, with node n at the place with the number `placement[n]`.
    #[must_use]
    pub fn placed(mut self, placement: Vec<usize>) -> Self {
        self.placement = placement;
        self
    }

    /// What the places are called.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the place of a node.
    pub fn place(&self, node: usize) -> usize {
        let count = self.names.len().max(1);
        self.placement.get(node).copied().unwrap_or(node) % count
    }

    /// The round trip between two nodes, in milliseconds.
    fn between(&self, a: usize, b: usize) -> u64 {
        let row = self.rtt.get(self.place(a));
        row.and_then(|row| row.get(self.place(b))).copied().unwrap_or_default()
    }
}

/// See [`Regions::ten`].
const TEN: &str = "
virginia, oregon, sao-paulo, ireland, frankfurt, cape-town, mumbai, singapore, tokyo, sydney
virginia, 2, 53, 115, 82, 98, 191, 193, 233, 163, 235
oregon, 53, 2, 160, 110, 124, 244, 190, 199, 120, 188
sao-paulo, 115, 160, 2, 141, 147, 95, 207, 240, 278, 200
ireland, 82, 110, 141, 2, 16, 150, 114, 168, 144, 258
frankfurt, 98, 124, 147, 16, 2, 141, 98, 154, 140, 247
cape-town, 191, 244, 95, 150, 141, 2, 124, 145, 221, 165
mumbai, 193, 190, 207, 114, 98, 124, 2, 59, 101, 152
singapore, 233, 199, 240, 168, 154, 145, 59, 2, 80, 95
tokyo, 163, 120, 278, 144, 140, 221, 101, 80, 2, 117
sydney, 235, 188, 200, 258, 247, 165, 152, 95, 117, 2
";

/// The ways between all parties.
#[derive(Debug)]
pub(crate) struct Ways {
    links: Links,
    /// One way, in microseconds, by pair.
    delays: BTreeMap<[usize; 2], u64>,
    /// When the last byte of a node has left it.
    uplinks: BTreeMap<usize, Micros>,
    dice: Dice,
    losses: Dice,
    tails: Dice,
}

impl Ways {
    /// `dice` for the network, for losses and for tails.
    pub(crate) fn new(links: Links, [dice, losses, tails]: [Dice; 3]) -> Self {
        let (delays, uplinks) = (BTreeMap::new(), BTreeMap::new());
        Self { links, delays, uplinks, dice, losses, tails }
    }

    pub(crate) const fn backlog_bytes_max(&self) -> usize {
        self.links.backlog_bytes_max
    }

    /// One way between two, without jitter, in microseconds.
    fn delay_us(&mut self, a: usize, b: usize) -> u64 {
        if let Some(regions) = &self.links.regions {
            return regions.between(a, b) * 500;
        }
        let [low, high] = self.links.delay;
        let dice = &mut self.dice;
        let pair = [a.min(b), a.max(b)];
        *self.delays.entry(pair).or_insert_with(|| micros(dice.span(low, high)))
    }

    /// There and back, without jitter.
    pub(crate) fn round_trip(&mut self, a: usize, b: usize) -> Span {
        Span::from_millis((2 * self.delay_us(a, b)).div_ceil(1_000))
    }

    /// When the last byte leaves of a frame that is sent now, behind what waits on its connection
    /// until `line`.
    pub(crate) fn leaves(&mut self, now: Time, from: usize, line: Micros, bytes: usize) -> Micros {
        let takes = |rate: Option<u64>| rate.map_or(0, |rate| bytes as u64 * 1_000 / rate.max(1));
        let left = line.max(Micros::of(now)).plus(takes(self.links.bytes_per_ms));
        if self.links.uplink_bytes_per_ms.is_none() {
            return left;
        }
        // The uplink takes frames in the order in which they reach it.
        let uplink = self.uplinks.entry(from).or_default();
        *uplink = (*uplink).max(left).plus(takes(self.links.uplink_bytes_per_ms));
        *uplink
    }

    /// How long a frame travels that has left, in microseconds.
    pub(crate) fn travels_us(&mut self, from: usize, to: usize, bytes: usize) -> u64 {
        let jitter = micros(self.dice.span(Span::default(), self.links.jitter));
        let delay = self.delay_us(from, to);
        let tail = match micros(self.links.tail) {
            0 => 0,
            mean => self.tails.exponential(mean),
        };
        delay + jitter + tail + self.repeats(bytes) * 2 * delay
    }

    /// How many times the packets of a frame that are still missing are sent once more.
    fn repeats(&mut self, bytes: usize) -> u64 {
        let ppm = self.links.loss_ppm;
        if ppm == 0 {
            return 0;
        }
        let mut missing = bytes.div_ceil(PACKET_BYTES).max(1);
        let mut rounds = 0;
        while rounds < REPEATS_MAX {
            missing = (0..missing).filter(|_| self.losses.rarely(ppm)).count();
            if missing == 0 {
                break;
            }
            rounds += 1;
        }
        rounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    fn ways(links: Links) -> Ways {
        let seed = Seed::new(1);
        Ways::new(links, ["network", "loss", "tail"].map(|label| seed.dice(label, 0)))
    }

    fn quiet() -> Links {
        let jitter = Span::default();
        Links { delay: [Span::from_millis(10); 2], jitter, ..Links::default() }
    }

    #[test]
    fn places_give_the_round_trips() {
        let regions = Regions::ten().placed(vec![3, 8]);
        assert_eq!(regions.names()[regions.place(1)], "tokyo");
        assert_eq!(regions.place(12), 2);
        let mut ways = ways(Links { regions: Some(regions), ..quiet() });
        assert_eq!(ways.round_trip(0, 1), Span::from_millis(144));
        assert_eq!(ways.round_trip(1, 0), Span::from_millis(144));
        assert_eq!(ways.travels_us(0, 1, 100), 72_000);
        for wrong in ["", "a,b\na,1\nb,1,2", "a\nb,1", "a\na,x"] {
            assert!(Regions::parse(wrong).is_err(), "{wrong:?}");
        }
        let ten = Regions::ten();
        let symmetric = |a: usize, b: usize| ten.between(a, b) == ten.between(b, a);
        assert!((0..100).all(|pair| symmetric(pair / 10, pair % 10)));
    }

    /// A tenth lost: of frames of one packet a tenth waits one round trip more, a hundredth two.
    #[test]
    fn a_lost_packet_is_a_round_trip() {
        let mut ways = ways(Links { loss_ppm: 100_000, ..quiet() });
        let mut by_repeats = BTreeMap::new();
        for _ in 0..10_000 {
            *by_repeats.entry((ways.travels_us(0, 1, 300) - 10_000) / 20_000).or_insert(0) += 1;
        }
        assert!((8_900..9_100).contains(&by_repeats[&0]), "{by_repeats:?}");
        assert!((820..980).contains(&by_repeats[&1]), "{by_repeats:?}");
        assert!((60..130).contains(&by_repeats[&2]), "{by_repeats:?}");
        let whole = (0..1_000).filter(|_| ways.travels_us(0, 1, 12_000) == 10_000).count();
        assert!((300..400).contains(&whole), "0.9^10 is 0.35, not {whole} of 1,000");
    }

    #[test]
    fn bytes_leave_one_after_the_other() {
        let now = Time::from_millis(1_000);
        let mut ways =
            ways(Links { bytes_per_ms: Some(1_000), uplink_bytes_per_ms: Some(500), ..quiet() });
        let first = ways.leaves(now, 0, Micros::default(), 2_000);
        assert_eq!(first, Micros(1_006_000), "2 ms of its line, 4 of the uplink");
        let other = ways.leaves(now, 0, Micros::default(), 500);
        assert_eq!(other, Micros(1_007_000), "another line, behind the first on the uplink");
        assert_eq!(ways.leaves(now, 1, Micros::default(), 500), Micros(1_001_500));
    }
}
