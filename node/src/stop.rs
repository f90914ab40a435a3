//! The word to stop, given once and heard by many.

use tokio::sync::watch;

/// Tells all [`Stop`]s. Dropping it tells them as well.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Hears the word to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A word that was not given yet.
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Gives the word. Again is no harm.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the word was given.
    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the word was given.
    pub(crate) async fn told(&mut self) {
        // An error means that nobody is left to give it.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
