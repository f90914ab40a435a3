//! The wire between seller and buyer: one connection at a time, and frames that may be lost, come
//! twice, in another order, or bent.

use std::collections::VecDeque;

use bytes::Bytes;
use weft_core::{codec::Decode as _, time::Span};
use weft_market::{
    buyer,
    frame::{ToBuyer, ToSeller},
    hello::Exporter,
    seller::{self, Connection},
};

use super::World;

/// Something under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A frame.
    Frame(Vec<u8>),
    /// The sender closes the connection.
    End,
}

/// One connection at a time.
#[derive(Default)]
pub(crate) struct Wire {
    count: u64,
    up: Option<Connection>,
    to_buyer: VecDeque<Packet>,
    to_seller: VecDeque<Packet>,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBuyer,
    ToSeller,
}

impl Wire {
    pub(crate) const fn is_up(&self) -> bool {
        self.up.is_some()
    }

    pub(crate) fn connect(&mut self) -> (Connection, Exporter) {
        self.count += 1;
        let connection = Connection(self.count);
        self.up = Some(connection);
        let mut exporter = [0xee; 32];
        exporter[..8].copy_from_slice(&self.count.to_le_bytes());
        (connection, exporter)
    }

    pub(crate) fn cut(&mut self) -> Option<Connection> {
        self.to_buyer.clear();
        self.to_seller.clear();
        self.up.take()
    }

    pub(crate) const fn connection(&self) -> Option<Connection> {
        self.up
    }

    pub(crate) fn send_to_buyer(&mut self, from: Connection, packet: Packet) {
        if self.up == Some(from) {
            self.to_buyer.push_back(packet);
        }
    }

    pub(crate) fn send_to_seller(&mut self, packet: Packet) {
        if self.up.is_some() {
            self.to_seller.push_back(packet);
        }
    }

    fn lane(&mut self, way: Way) -> &mut VecDeque<Packet> {
        match way {
            Way::ToBuyer => &mut self.to_buyer,
            Way::ToSeller => &mut self.to_seller,
        }
    }

    /// Takes one packet, out of its turn unless `at` is 0.
    pub(crate) fn take(&mut self, way: Way, at: usize) -> Option<Packet> {
        let lane = self.lane(way);
        let at = at.checked_rem(lane.len())?;
        lane.remove(at)
    }

    /// A packet comes twice.
    pub(crate) fn double(&mut self, way: Way, at: usize) {
        let lane = self.lane(way);
        let Some(at) = at.checked_rem(lane.len()) else { return };
        // Chunks that come thrice are enough.
        if lane.len() < 64 {
            let packet = lane[at].clone();
            lane.push_back(packet);
        }
    }

    /// A frame is bent.
    pub(crate) fn bend(&mut self, way: Way, at: usize, bit: usize) {
        let lane = self.lane(way);
        let Some(at) = at.checked_rem(lane.len()) else { return };
        if let Packet::Frame(bytes) = &mut lane[at] {
            let byte = (bit / 8) % bytes.len();
            bytes[byte] ^= 1 << (bit % 8);
        }
    }
}

impl World {
    /// One packet arrives; whether there was one.
    pub(crate) fn deliver(&mut self, way: Way, at: usize) -> bool {
        let Some(packet) = self.wire.take(way, at) else { return false };
        self.arrive(way, packet);
        true
    }

    /// A packet arrives.
    pub(crate) fn arrive(&mut self, way: Way, packet: Packet) {
        let connection = self.wire.connection().unwrap();
        match (way, packet) {
            (_, Packet::End) => self.cut(),
            (Way::ToBuyer, Packet::Frame(bytes)) => {
                self.tell_buyer(match ToBuyer::from_bytes(&bytes) {
                    Ok(frame) => buyer::Input::Frame(frame),
                    Err(_) => buyer::Input::Malformed,
                });
            }
            (Way::ToSeller, Packet::Frame(bytes)) => {
                self.tell_seller(match ToSeller::from_bytes(&bytes) {
                    Ok(frame) => seller::Input::Frame { connection, frame },
                    Err(_) => seller::Input::Malformed { connection },
                });
            }
        }
    }

    /// All packets arrive, in order.
    pub(crate) fn deliver_all(&mut self) -> bool {
        let mut any = false;
        while self.deliver(Way::ToSeller, 0) | self.deliver(Way::ToBuyer, 0) {
            any = true;
        }
        any
    }

    /// A seller of the test's own says something.
    pub(crate) fn seller_sends(&mut self, frame: &ToBuyer) {
        use weft_core::codec::Encode as _;
        self.arrive(Way::ToBuyer, Packet::Frame(frame.to_bytes()));
    }

    /// A buyer of the test's own says something, and the seller's answer is dropped.
    pub(crate) fn buyer_sends(&mut self, frame: &ToSeller) {
        use weft_core::codec::Encode as _;
        self.arrive(Way::ToSeller, Packet::Frame(frame.to_bytes()));
    }

    /// Waits so many seconds.
    pub(crate) fn wait_secs(&mut self, secs: u64) {
        self.wait(Span::from_secs(secs));
    }

    /// The frames to the buyer that wait, as they are.
    pub(crate) fn waiting_for_buyer(&self) -> Vec<ToBuyer> {
        let frames = self.wire.to_buyer.iter().filter_map(|packet| match packet {
            Packet::Frame(bytes) => Some(ToBuyer::from_bytes(bytes).unwrap()),
            Packet::End => None,
        });
        frames.collect()
    }

    /// The frames to the seller that wait, as they are.
    pub(crate) fn waiting_for_seller(&self) -> Vec<ToSeller> {
        let frames = self.wire.to_seller.iter().filter_map(|packet| match packet {
            Packet::Frame(bytes) => Some(ToSeller::from_bytes(bytes).unwrap()),
            Packet::End => None,
        });
        frames.collect()
    }
}

/// Bytes of nobody.
pub(crate) const NOTHING: Bytes = Bytes::new();
