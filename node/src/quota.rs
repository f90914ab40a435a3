//! How much work each client may have done for it: one token bucket per client, in tries.
//!
//! Invariant: no client gets more than the burst at once, nor more than the rate for long; and any
//! client with a full bucket gets at least one body done, however dear.
//!
//! A client is an IPv4 address or an IPv6 /64: within a /64 addresses are free.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Who asks, as far as a quota goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// The client behind an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => {
                let network = u128::from(ip) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            alone => alone,
        })
    }

    /// Whether it is on this machine.
    pub(crate) const fn is_this_machine(self) -> bool {
        self.0.is_loopback()
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at: Instant,
}

/// The buckets of all clients.
#[derive(Debug)]
pub(crate) struct Quota {
    buckets: Mutex<HashMap<Client, Bucket>>,
    per_second: u64,
    burst: u64,
    clients_max: usize,
}

impl Quota {
    /// Buckets of `burst` tries that fill by `per_second`, for at most `clients_max` clients.
    pub(crate) fn new(per_second: u64, burst: u64, clients_max: usize) -> Self {
        Self { buckets: Mutex::default(), per_second, burst, clients_max }
    }

    /// Takes `tries` from the bucket of `client`, or says after which pause it can.
    pub(crate) fn take(&self, client: Client, tries: u64, now: Instant) -> Result<(), Duration> {
        let tries = tries.min(self.burst);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.clients_max && !buckets.contains_key(&client) {
            self.make_room(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert(Bucket { level: self.burst, at: now });
        let level = self.level(bucket, now);
        *bucket = Bucket { level, at: now };
        let Some(left) = level.checked_sub(tries) else {
            let lacking = u128::from(tries - level) * 1_000;
            let ms = lacking.div_ceil(u128::from(self.per_second));
            return Err(Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)));
        };
        bucket.level = left;
        Ok(())
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> u64 {
        let past = now.saturating_duration_since(bucket.at).as_millis();
        let earned = past * u128::from(self.per_second) / 1_000;
        let level = u128::from(bucket.level) + earned;
        u64::try_from(level).unwrap_or(u64::MAX).min(self.burst)
    }

    /// Full buckets are as good as none; if there is none, the fullest leaves.
    fn make_room(&self, buckets: &mut HashMap<Client, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| self.level(bucket, now) < self.burst);
        if buckets.len() >= self.clients_max {
            let fullest = buckets.iter().max_by_key(|(_, bucket)| self.level(bucket, now));
            if let Some(client) = fullest.map(|(client, _)| *client) {
                buckets.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn a_burst_then_the_rate() {
        let quota = Quota::new(1_000, 5_000, 10);
        let (start, ours) = (Instant::now(), client("10.0.0.1"));
        for _ in 0..5 {
            assert_eq!(quota.take(ours, 1_000, start), Ok(()));
        }
        assert_eq!(quota.take(ours, 1_000, start), Err(Duration::from_secs(1)));
        assert_eq!(quota.take(client("10.0.0.2"), 1_000, start), Ok(()), "others are not touched");
        let later = start + Duration::from_millis(400);
        assert_eq!(quota.take(ours, 1_000, later), Err(Duration::from_millis(600)));
        assert_eq!(quota.take(ours, 1_000, later + Duration::from_millis(600)), Ok(()));
    }

    #[test]
    fn what_exceeds_the_burst_takes_a_full_bucket() {
        let quota = Quota::new(1, 100, 10);
        let now = Instant::now();
        assert_eq!(quota.take(client("10.0.0.1"), 1 << 40, now), Ok(()));
        assert!(quota.take(client("10.0.0.1"), 1, now).is_err());
    }

    #[test]
    fn a_network_of_sixty_four_bits_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert!(client("::1").is_this_machine() && client("127.0.0.2").is_this_machine());
        assert!(!client("::2").is_this_machine());
    }

    #[test]
    fn remembers_a_bounded_number_of_clients() {
        let quota = Quota::new(1, 100, 4);
        let now = Instant::now();
        let spent = client("10.0.1.1");
        quota.take(spent, 100, now).unwrap();
        for last in 0..100 {
            quota.take(client(&format!("10.0.0.{last}")), 1, now).unwrap();
        }
        assert!(quota.buckets.lock().unwrap().len() <= 4);
        assert!(quota.take(spent, 1, now).is_err(), "who spent most is remembered longest");
    }
}
