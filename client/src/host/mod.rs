//! For hosts: an HTTP transport to a node, work on all cores, a poster that counts and retries.
//!
//! In: the address of a node's API and a key. Out: acknowledgements that mean "on that node's
//! disk", pages of what was posted, and a stream of what is being posted.
//!
//! **Invariant: an error never hides whether trying again can help.** [`ClientError`] tells
//! refusals from failures that pass, and carries how long the node asked to wait.
//!
//! Left out on purpose: TLS. A node's API listens on loopback or behind a reverse proxy.
//!
//! ```no_run
//! use std::sync::Arc;
//! use futures_util::StreamExt as _;
//! use weft_client::host::{Attach, Followed, Filter, NodeClient, NewReading, Poster};
//! use weft_core::keys::{HostKey, Scheme};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let node = NodeClient::new("http://127.0.0.1:14265")?;
//! let key = Arc::new(HostKey::from_seed(Scheme::MlDsa44, &[7; 32])?);
//!
//! let poster = Poster::open(node.clone(), key, Attach::Here).await?;
//! let posted = poster.post(NewReading::text("hall/temp", "21.4")).await?;
//! println!("{} is on disk at {}", posted.id, node.url());
//!
//! let mut events = Box::pin(node.events(Filter::stream("hall/temp")));
//! while let Some(followed) = events.next().await {
//!     if let Followed::Reading(reading) = followed? {
//!         println!("{}: {:?}", reading.issuer, reading.content.text);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod answers;
mod date;
mod error;
mod events;
mod final_answers;
mod http;
#[cfg(feature = "market")]
pub mod market;
mod market_answers;
mod poster;
mod said;
mod sse;
mod text;
mod work;

pub use answers::{
    Account, Cursor, CursorError, Described, LogLine, Page, Peer, Readiness, ReadinessCheck,
    Reading, Status, Submitted, Tips,
};
pub use error::{ClientError, Problem};
pub use events::{Filter, Followed, Kinds};
pub use final_answers::{
    Commit, CommitLeaf, Committed, Done, Fate, Finality, Gap, LedgerAccount, Received, State, Told,
};
pub use http::NodeClient;
pub use market_answers::{
    ChannelEnd, ChannelState, ChannelTerms, LedgerChannel, ListedOffer, MarketPage, OfferSaid,
};
pub use poster::{Attach, Final, NewReading, PostError, Posted, Poster, Retry};
pub use said::{Content, Output, Said};
pub use work::attach_on_all_cores;
