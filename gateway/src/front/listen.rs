//! Accepts connections within a limit, with or without TLS, for any protocol over TCP.
//!
//! Invariant: a connection has its place from before it is accepted until it has ended; a handshake
//! that does not come to its end in time gives its place back.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Pause after the system refused a connection, for want of file descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections may take to end when the gateway does.
const FAREWELL: Duration = Duration::from_secs(3);

/// What speaks a protocol over a connection.
pub(crate) trait Speak: Send + Sync + 'static {
    /// Speaks until the connection ends, or `stop` tells it to.
    fn speak<Io>(&self, io: Io, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}

/// Waits until a word is given. (Its guard must not be held over a wait.)
pub(crate) async fn told(word: &mut watch::Receiver<bool>) {
    // An error means that nobody is left to give it.
    let _ = word.wait_for(|word| *word).await;
}

/// Serves `listener` until told to stop.
pub(crate) async fn listen<S: Speak>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    speaker: Arc<S>,
    places: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = told(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = async {
                let place = places.clone().acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        let (place, stream) = match accepted {
            (Ok(place), Ok((stream, _))) => (place, stream),
            (_, Err(error)) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
            (Err(_), _) => break,
        };
        // Answers are small and written whole.
        let _ = stream.set_nodelay(true);
        let (tls, speaker, stop) = (tls.clone(), speaker.clone(), stop.clone());
        connections.spawn(async move {
            match tls {
                None => speaker.speak(stream, stop).await,
                Some(tls) => match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                    Ok(Ok(stream)) => speaker.speak(stream, stop).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
                    Err(_) => tracing::debug!("a TLS handshake did not end in time"),
                },
            }
            drop(place);
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(FAREWELL, all).await.is_err() {
        connections.shutdown().await;
    }
}
