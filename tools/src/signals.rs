//! Being asked to end: Ctrl-C, or the polite signal of a service manager.

use std::io;

use crate::failure::Failure;

/// Waits until somebody asks this process to end. Listens from the first poll on.
#[cfg(unix)]
pub(crate) async fn asked_to_end() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| signal(kind).map_err(no_signals);
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Waits until somebody asks this process to end. Listens from the first poll on.
#[cfg(not(unix))]
pub(crate) async fn asked_to_end() -> Result<(), Failure> {
    tokio::signal::ctrl_c().await.map_err(no_signals)
}

fn no_signals(error: io::Error) -> Failure {
    Failure::failed(format!("cannot listen for signals: {error}"))
}
