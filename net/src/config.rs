//! What the operator chooses about the network. Each bound says what happens when it is hit.
//!
//! Worst case of memory: per connection `send_queue_bytes` + `send_window_bytes` +
//! `receive_window_bytes` + the answers being written (at most twice `requests_max` of them), times
//! `peers_max`; and once `events_bytes`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use weft_core::{message::PeerAddress, params::FRAME_BYTES_MAX};

/// Settings of [`Net`](crate::Net).
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Where to listen, for both directions; port 0 takes any free one. Default `0.0.0.0:4810`.
    pub listen: SocketAddr,
    /// The operator's own choice of peers: dialled for ever, never turned away. The own id among
    /// them is passed over, so that one list serves all nodes. Default none.
    pub fixed: Vec<PeerAddress>,

    /// Most connections; a newcomer beyond is turned away unless it is fixed. Default 64.
    pub peers_max: usize,
    /// Connections from strangers that are not through the handshake yet. Beyond, a stranger is
    /// refused; beyond half, it has to prove its address first. Default 128.
    pub handshakes_max: usize,
    /// The same from one prefix of addresses (/24 of IPv4, /48 of IPv6). Default 16.
    pub handshakes_per_prefix: usize,
    /// Connections from one prefix of addresses, counted like that. Default 32.
    pub connections_per_prefix: usize,
    /// Whether loopback addresses are free of the two limits per prefix, so that a development
    /// network of many nodes fits on one machine. Default true.
    pub exempt_loopback: bool,

    /// What may wait to be sent to one peer, in bytes. When full, the peer is dropped as too slow.
    /// Default 4 MiB: two seconds at 2 MiB/s.
    pub send_queue_bytes: usize,
    /// The same, in messages. Default 16,384.
    pub send_queue_messages: usize,
    /// Bytes of one connection that are sent but not acknowledged. Beyond, they wait in the queue.
    /// Default 2 MiB: 20 MB/s at 100 ms.
    pub send_window_bytes: u32,
    /// Bytes of one connection that came in but were not read yet. Beyond, the peer has to wait.
    /// Default 512 KiB: 5 MB/s at 100 ms. What stands here when a node has too much to do is late
    /// for all behind it, and checkpoints that cite it wait.
    pub receive_window_bytes: u32,
    /// Receive buffer asked of the system for the UDP socket. A small one loses packets in bursts,
    /// a large one hides congestion. Default 1 MiB.
    pub socket_receive_bytes: usize,

    /// What peers sent and the node has not taken yet, in bytes. When full, no stream is read, so
    /// that the peers have to wait, each in its own line; here they wait in one. Default 512 KiB,
    /// some 200 transactions.
    pub events_bytes: u32,
    /// The same, in events. Default 8,192.
    pub events_max: usize,

    /// Requests of ours that one peer has at once; more wait in the send queue. A peer that opens
    /// more than twice as many misbehaves. Default 8.
    pub requests_max: usize,
    /// Silence after which a request is given up. In all, one may take six times as long.
    /// Default 10 s.
    pub answer_silence: Duration,
    /// Longest answer to one request, in bytes; what exceeds is cut off. Default 8 MiB.
    pub answer_bytes_max: usize,

    /// Time from the first packet to the end of both Hellos. Default 5 s.
    pub handshake_time: Duration,
    /// Silence after which a connection counts as lost; a third of it is the time between signs of
    /// life. Default 6 s: a killed neighbour is replaced soon, a radio link may stall for a moment.
    pub idle_time: Duration,
    /// Wait before a fixed peer is dialled again; doubles up to [`Self::redial_max`], with jitter.
    /// Default 200 ms.
    pub redial_min: Duration,
    /// See [`Self::redial_min`]. Default 15 s.
    pub redial_max: Duration,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::UNSPECIFIED, 4810).into(),
            fixed: Vec::new(),
            peers_max: 64,
            handshakes_max: 128,
            handshakes_per_prefix: 16,
            connections_per_prefix: 32,
            exempt_loopback: true,
            send_queue_bytes: 4 << 20,
            send_queue_messages: 16_384,
            send_window_bytes: 2 << 20,
            receive_window_bytes: 512 << 10,
            socket_receive_bytes: 1 << 20,
            events_bytes: 512 << 10,
            events_max: 8_192,
            requests_max: 8,
            answer_silence: Duration::from_secs(10),
            answer_bytes_max: 8 << 20,
            handshake_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(6),
            redial_min: Duration::from_millis(200),
            redial_max: Duration::from_secs(15),
        }
    }
}

impl NetConfig {
    /// Refuses settings under which nothing could move.
    pub fn check(&self) -> Result<(), ConfigError> {
        let frame = FRAME_BYTES_MAX + 1_024;
        let one_ms = 1;
        let ms = |time: Duration| usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
        let bytes = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let least = [
            ("peers_max", 1, self.peers_max),
            ("handshakes_max", 2, self.handshakes_max),
            ("handshakes_per_prefix", 2, self.handshakes_per_prefix),
            ("connections_per_prefix", 1, self.connections_per_prefix),
            ("send_queue_bytes", frame, self.send_queue_bytes),
            ("send_queue_messages", 1, self.send_queue_messages),
            ("send_window_bytes", frame, bytes(self.send_window_bytes)),
            ("receive_window_bytes", frame, bytes(self.receive_window_bytes)),
            ("events_bytes", frame, bytes(self.events_bytes)),
            ("events_max", 1, self.events_max),
            ("requests_max", 1, self.requests_max),
            ("answer_silence", one_ms, ms(self.answer_silence)),
            ("answer_bytes_max", frame, self.answer_bytes_max),
            ("handshake_time", one_ms, ms(self.handshake_time)),
            ("idle_time", 100, ms(self.idle_time)),
            ("redial_min", one_ms, ms(self.redial_min)),
            ("redial_max", ms(self.redial_min), ms(self.redial_max)),
        ];
        match least.into_iter().find(|(_, expected, actual)| actual < expected) {
            Some((field, expected, actual)) => Err(ConfigError::Low { field, expected, actual }),
            None if self.requests_max > REQUESTS_LIMIT => Err(ConfigError::High {
                field: "requests_max",
                expected: REQUESTS_LIMIT,
                actual: self.requests_max,
            }),
            None => Ok(()),
        }
    }
}

/// Requests at once beyond which the bound would bound nothing.
const REQUESTS_LIMIT: usize = 1_024;

/// Why settings are refused. The operator's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting is too low. Times are in milliseconds.
    #[error("{field} is {actual}, but needs at least {expected}")]
    Low {
        /// The setting.
        field: &'static str,
        /// The least that works.
        expected: usize,
        /// What was set.
        actual: usize,
    },
    /// A setting is too high.
    #[error("{field} is {actual}, but may be at most {expected}")]
    High {
        /// The setting.
        field: &'static str,
        /// The most that is allowed.
        expected: usize,
        /// What was set.
        actual: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_works_and_a_queue_below_one_frame_does_not() {
        assert_eq!(NetConfig::default().check(), Ok(()));
        let config = NetConfig { send_queue_bytes: FRAME_BYTES_MAX, ..NetConfig::default() };
        assert_eq!(
            config.check(),
            Err(ConfigError::Low {
                field: "send_queue_bytes",
                expected: FRAME_BYTES_MAX + 1_024,
                actual: FRAME_BYTES_MAX,
            })
        );
    }
}
