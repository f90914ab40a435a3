//! Accounts made for one run, and the bodies that they sign before it begins.

use std::{sync::Arc, time::Duration};

use tokio::task::spawn_blocking;
use weft_client::{
    Builder,
    host::{Attach, ClientError, NewReading, NodeClient, Poster, Retry},
};
use weft_core::{
    address::Address,
    keys::{HostKey, Scheme, Sign as _},
    time::Time,
    tx::{ContentType, SealedBody},
    units::Sequence,
};
use weft_node::key_file::Seed;

use crate::{failure::Failure, time::now_ms};

/// The stream that the load is posted to.
const STREAM: &str = "bench/load";

/// How long an account may take to be registered.
const REGISTER_TIME: Duration = Duration::from_secs(60);

/// One account and the node it posts through.
pub(super) struct Sender {
    pub(super) poster: Arc<Poster>,
    key: Arc<HostKey>,
}

impl Sender {
    /// Makes an account and waits until it is registered for all nodes.
    pub(super) async fn register(node: NodeClient) -> Result<Self, Failure> {
        let key = Arc::new(Seed::generate(Scheme::MlDsa44)?.key()?);
        let poster = Poster::open(node, key.clone(), Attach::Here).await?;
        let posted = poster.post(NewReading::text(STREAM, "registers")).await?;
        poster.finish(posted.body, REGISTER_TIME).await?;
        // What is refused under load is counted, not hidden.
        let once = Retry { tries: 1, ..Retry::default() };
        Ok(Self { poster: Arc::new(poster.with_retry(once)), key })
    }

    /// Signs `count` readings of `bytes` bytes.
    pub(super) async fn sign(
        &self,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<SealedBody>, Failure> {
        let key = self.key.clone();
        let network = self.poster.network();
        let signed = spawn_blocking(move || {
            let builder = Builder::new(network, Address::of(key.public_key().id()));
            let time = Time::from_millis(now_ms());
            let sealed = (1..).take(count).map(|sequence| {
                let content = vec![b'x'; bytes];
                let draft = builder.reading(Sequence(sequence), STREAM, ContentType::TEXT, content);
                draft?.time(time).seal(&*key)
            });
            sealed.collect::<Result<Vec<_>, _>>()
        });
        let signed = signed.await.map_err(Failure::failed)?;
        signed.map_err(|error| ClientError::from(error).into())
    }
}
