//! What all nodes of a network must agree on.
//!
//! Constants of protocol version 1, and [`Params`], which a genesis chooses. Both go into the
//! parameter hash of the handshake, so nodes that differ never talk past each other.
//!
//! Left out on purpose: what an operator chooses (`weft-node`) and how one machine paces itself
//! (`machine/limits.rs`).

#[cfg(feature = "alloc")]
mod chosen;

#[cfg(feature = "alloc")]
pub use chosen::Params;

/// Version of bodies and of the node-to-node protocol.
pub const PROTOCOL_VERSION: u8 = 1;

/// Longest payload content, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 24 * 1024;

/// Longest encoded transaction, in bytes.
pub const TRANSACTION_BYTES_MAX: usize = 32 * 1024;

/// Longest frame body between nodes, in bytes. Holds a transaction or a full list of ids.
pub const FRAME_BYTES_MAX: usize = 40 * 1024;

/// Most ids in one announcement, request or list between nodes.
pub const IDS_MAX: usize = 512;

/// Most ids one cone or transaction request may want.
pub const WANTS_MAX: usize = 64;

/// Most addresses in one peer exchange message.
pub const ADDRESSES_MAX: usize = 32;

/// Longest stream name, in bytes of UTF-8.
pub const STREAM_BYTES_MAX: usize = 64;

/// Most outputs of one transfer.
pub const OUTPUTS_MAX: usize = 64;

/// Longest reference of a transfer, in bytes: a digest, or a short text.
pub const REFERENCE_BYTES_MAX: usize = 64;

/// Most ranges of sequences below the highest used one that an account may still use: outages that
/// can be made good later. The lowest is given up beyond.
pub const GAPS_MAX: usize = 256;

/// Live attachments of one body that a node relays and cites unasked.
pub const ATTACHMENTS_MAX: usize = 4;

/// Zero bits of work beyond which no genesis may ask: a 64 MHz microcontroller then needs seconds.
pub const WORK_BITS_MAX: u8 = 16;

/// Longest part of an answer that is cut into parts, in bytes.
pub const PART_BYTES_MAX: usize = 32 * 1024;

/// State roots are due at the first last record at or after each multiple of this.
pub const STATE_ROOT_EVERY: u64 = 16;

/// Longest encoded checkpoint, in bytes.
pub const CHECKPOINT_BYTES_MAX: usize = 32 * 1024;

/// Most tips in a checkpoint: 10,000 transactions a second with four validators need 275.
pub const TIPS_MAX: usize = 512;

/// Most votes in a checkpoint.
pub const VOTES_MAX: usize = 8;

/// Rounds below the last leader that can still be ordered. Older checkpoints are forgotten.
pub const GC_DEPTH: u64 = 64;

/// How many rounds a reference to another author may reach back: fewer than [`GC_DEPTH`], so that
/// nothing referenced is forgotten already.
pub const REF_LAG: u64 = 60;

/// How many rounds the anchor of a transaction may lie behind the leader that orders it.
pub const ORDER_LAG: u64 = 600;

/// How many rounds the anchor of a parent may lie behind that of its child.
pub const ANCHOR_LAG: u64 = 600;

/// Rounds below the last leader of which anything can still matter to what will be ordered. Nobody
/// drops what was ordered later, and whoever joins by a snapshot fetches it (docs/PROTOCOL.md
/// section 12).
pub const KEEP_ROUNDS: u64 = GC_DEPTH + ORDER_LAG + ANCHOR_LAG;

/// How far a validator must lag to jump over rounds: more than honest validators ever lag.
pub const JUMP_MIN: u64 = 64;

/// Rounds after which a transaction that was cited and not ordered is cited again.
pub const RECOVER_ROUNDS: u64 = 8;

/// Leaders after which the schedule is made anew.
pub const SCHEDULE_LEADERS: u64 = 64;

/// Most leaves of one commit record.
pub const LEAVES_MAX: usize = 4_096;

const _: () = assert!(REF_LAG < GC_DEPTH && CHECKPOINT_BYTES_MAX + 1_024 <= FRAME_BYTES_MAX);

// A transaction at its longest: the payload, the longest key and signature (ML-DSA-65), and every
// fixed field with room to spare.
const _: () = assert!(PAYLOAD_BYTES_MAX + 1_952 + 3_309 + 512 <= TRANSACTION_BYTES_MAX);
// A frame holds a transaction or a list of ids, its tag and a header.
const _: () = assert!(TRANSACTION_BYTES_MAX + 1_024 <= FRAME_BYTES_MAX);
const _: () = assert!((IDS_MAX + WANTS_MAX) * 32 + 1_024 <= FRAME_BYTES_MAX);
