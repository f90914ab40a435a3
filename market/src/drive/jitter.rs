//! Pauses cut by chance, so that those who were cut together do not come back together.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// Between half and all of `pause`.
pub(crate) fn jittered(pause: Duration) -> Duration {
    // A fresh state differs from call to call, which is all the chance that this needs.
    let chance = RandomState::new().build_hasher().finish() % 1_024;
    let half = pause / 2;
    half + half.mul_f64(f64::from(u16::try_from(chance).unwrap_or(0)) / 1_023.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_half_of_itself_and_never_longer() {
        let pause = Duration::from_secs(8);
        let drawn: Vec<_> = (0..64).map(|_| jittered(pause)).collect();
        assert!(drawn.iter().all(|drawn| (pause / 2..=pause).contains(drawn)));
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]), "they differ");
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
