//! A queue with one server: customers come at random and are served one by one, in order.
//!
//! The number inside is measured by its own integral over time, not from the times of the
//! customers, so that Little's law is a test and not an identity.

use std::collections::VecDeque;

use super::chance::Chance;

/// How long a customer is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Exponential: M/M/1.
    Exponential,
    /// Always the same: M/D/1.
    Constant,
}

/// What a station showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// Mean time from coming to going.
    pub sojourn: f64,
    /// Mean time from coming to being served.
    pub wait: f64,
    /// Mean number inside, over time.
    pub inside: f64,
    /// Customers that came, per time.
    pub rate: f64,
}

/// Lets `customers` come at `rate` to a server of `speed` (customers per time, when busy). The
/// first tenth is not counted.
pub fn run(service: Service, rate: f64, speed: f64, customers: u32, chance: &mut Chance) -> Shown {
    let warm_up = customers / 10;
    let (mut now, mut free_at) = (0.0_f64, 0.0_f64);
    let (mut sojourns, mut waits) = (0.0, 0.0);
    let mut leaving: VecDeque<f64> = VecDeque::new();
    let (mut area, mut since, mut start) = (0.0, 0.0, 0.0);
    for customer in 0..customers {
        now += chance.exponential(1.0 / rate);
        while let Some(left) = leaving.pop_front_if(|left| *left <= now) {
            area += (leaving.len() as f64 + 1.0) * (left - since);
            since = left;
        }
        area += leaving.len() as f64 * (now - since);
        since = now;
        if customer == warm_up {
            (area, start) = (0.0, now);
        }
        let served = free_at.max(now);
        free_at = served
            + match service {
                Service::Exponential => chance.exponential(1.0 / speed),
                Service::Constant => 1.0 / speed,
            };
        leaving.push_back(free_at);
        if customer >= warm_up {
            sojourns += free_at - now;
            waits += served - now;
        }
    }
    let (counted, time) = (f64::from(customers - warm_up), now - start);
    Shown {
        sojourn: sojourns / counted,
        wait: waits / counted,
        inside: area / time,
        rate: counted / time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::Seed;

    #[test]
    fn nobody_waits_at_an_idle_server() {
        let mut chance = Chance::new(Seed::new(1), "test", 0);
        let shown = run(Service::Constant, 0.001, 1.0, 2_000, &mut chance);
        assert!((shown.sojourn - 1.0).abs() < 0.01 && shown.wait < 0.01, "{shown:?}");
        assert!((shown.inside - 0.001).abs() < 0.000_1, "{shown:?}");
    }
}
