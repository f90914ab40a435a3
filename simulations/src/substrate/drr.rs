//! Deficit round robin: turns by queue, each turn worth a quantum, what is left carried over.
//! Shreedhar, Varghese: Efficient Fair Queuing using Deficit Round Robin, SIGCOMM 1995.
//!
//! Invariant: a queue is served only while its deficit pays for the item at its head; an empty
//! queue carries over at most one item's worth.

use std::collections::VecDeque;

use super::chance::Chance;

/// Queues of items by flow, with the cost of each item.
#[derive(Clone, Debug)]
pub struct Scheduler<T> {
    flows: Vec<Flow<T>>,
    turn: usize,
    waiting: usize,
    cost_max: f64,
}

#[derive(Clone, Debug)]
struct Flow<T> {
    quantum: f64,
    deficit: f64,
    queue: VecDeque<(f64, T)>,
}

impl<T> Scheduler<T> {
    /// A queue per quantum, all above 0; no item costs more than `cost_max`.
    pub fn new(quanta: &[f64], cost_max: f64) -> Self {
        let flow = |quantum: &f64| Flow { quantum: *quantum, deficit: 0.0, queue: VecDeque::new() };
        Self { flows: quanta.iter().map(flow).collect(), turn: 0, waiting: 0, cost_max }
    }

    /// Puts an item at the end of its flow's queue. A flow that does not exist has none.
    pub fn put(&mut self, flow: usize, cost: f64, item: T) {
        if let Some(flow) = self.flows.get_mut(flow) {
            flow.queue.push_back((cost, item));
            self.waiting += 1;
        }
    }

    /// Items waiting in a flow's queue.
    pub fn waiting(&self, flow: usize) -> usize {
        self.flows.get(flow).map_or(0, |flow| flow.queue.len())
    }

    /// Items waiting in all queues.
    pub const fn waiting_in_all(&self) -> usize {
        self.waiting
    }

    /// Drops the item at the head of the queue that is longest for its quantum.
    pub fn drop_longest(&mut self) {
        let length = |flow: &&mut Flow<T>| flow.queue.len() as f64 / flow.quantum;
        let longest = self.flows.iter_mut().max_by(|a, b| length(a).total_cmp(&length(b)));
        if longest.and_then(|flow| flow.queue.pop_front()).is_some() {
            self.waiting -= 1;
        }
    }

    /// The next item, with its flow and cost.
    pub fn take(&mut self) -> Option<(usize, f64, T)> {
        if self.waiting == 0 {
            return None;
        }
        loop {
            let place = self.turn;
            let flow = self.flows.get_mut(place)?;
            let pays = |(cost, _): &mut (f64, T)| *cost <= flow.deficit;
            if let Some((cost, item)) = flow.queue.pop_front_if(pays) {
                flow.deficit -= cost;
                self.waiting -= 1;
                return Some((place, cost, item));
            }
            self.turn = (place + 1) % self.flows.len();
            // The next one's turn begins: it gets its quantum, unless it has saved enough.
            let next = self.flows.get_mut(self.turn)?;
            if next.deficit < self.cost_max {
                next.deficit += next.quantum;
            }
        }
    }
}

/// What each flow gets of a server of `capacity`, when items of random cost (half to all of 1)
/// come at the rates `offered` (in cost per time), for a time of `time`. The first fifth is not
/// counted.
pub fn serve(
    capacity: f64,
    quanta: &[f64],
    offered: &[f64],
    time: f64,
    chance: &mut Chance,
) -> Vec<f64> {
    const COST_MEAN: f64 = 0.75;
    let gap = |rate: f64, chance: &mut Chance| chance.exponential(COST_MEAN / rate);
    let mut scheduler = Scheduler::new(quanta, 1.0);
    let mut next: Vec<f64> = offered.iter().map(|rate| gap(*rate, chance)).collect();
    let mut served = vec![0.0; quanta.len()];
    let warm_up = time / 5.0;
    let mut now = 0.0;
    while now < time {
        for (flow, (at, rate)) in next.iter_mut().zip(offered).enumerate() {
            while *at <= now {
                scheduler.put(flow, 0.5 + chance.unit() / 2.0, ());
                *at += gap(*rate, chance);
            }
        }
        let Some((flow, cost, ())) = scheduler.take() else {
            now = next.iter().copied().fold(f64::INFINITY, f64::min);
            continue;
        };
        now += cost / capacity;
        if now > warm_up
            && let Some(served) = served.get_mut(flow)
        {
            *served += cost / (time - warm_up);
        }
    }
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_worth_their_quantum() {
        let mut scheduler = Scheduler::new(&[2.0, 1.0], 1.0);
        for flow in [0, 1] {
            for _ in 0..6 {
                scheduler.put(flow, 1.0, ());
            }
        }
        let order: Vec<usize> =
            std::iter::from_fn(|| scheduler.take()).map(|(flow, ..)| flow).collect();
        assert_eq!(order, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1]);
        assert_eq!(scheduler.waiting(0), 0);
    }
}
