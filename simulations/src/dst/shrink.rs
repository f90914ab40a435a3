//! Makes a plan that fails small: what it fails without is left out, trouble first, then those who
//! talk, then nodes, then time (delta debugging: Zeller and Hildebrandt, "Simplifying and Isolating
//! Failure-Inducing Input", IEEE TSE 2002).
//!
//! Invariant: whatever is returned fails as the first plan did. Labelled streams of chance make
//! leaving out safe: what is left goes on as before.

use weft_core::time::Span;

use super::plan::{Plan, Trouble};
use crate::judges::Verdict;

/// Time under load below which nothing is left out.
const LOAD_MIN: Span = Span::from_secs(2);

/// A plan made small.
#[derive(Debug)]
pub struct Shrunk {
    /// What is left.
    pub plan: Plan,
    /// Runs that it took.
    pub runs: usize,
}

impl Plan {
    /// The smallest plan found in `runs_max` runs that ends with the verdict that this one does.
    /// None if this one holds. `tell` hears of each plan that still fails.
    pub fn shrink(&self, runs_max: usize, mut tell: impl FnMut(&Self)) -> Option<Shrunk> {
        let verdict =
            |plan: &Self| plan.end().map_or_else(|fallen| fallen.verdict, |_| Verdict::Pass);
        let first = verdict(self);
        if first == Verdict::Pass {
            return None;
        }
        let mut fails = |plan: &Self| {
            let still = verdict(plan) == first;
            if still {
                tell(plan);
            }
            still
        };
        Some(shrink(self.clone(), runs_max, &mut fails))
    }

    /// The same without the last node and all that names it; none if only one is left.
    fn without_last_node(&self) -> Option<Self> {
        let last = self.nodes.checked_sub(1).filter(|last| *last > 0)?;
        let mut plan = Self { nodes: last, ..self.clone() };
        plan.options.validators = plan.options.validators.min(last as u64);
        plan.names.retain(|pair| !pair.contains(&last));
        plan.sensors.retain(|sensor| sensor.at != last);
        plan.sale = plan.sale.filter(|sale| !sale.homes().contains(&last));
        plan.trouble.retain(|trouble| !trouble.fault.names().contains(&last));
        Some(plan)
    }
}

struct Search<'a> {
    plan: Plan,
    runs: usize,
    runs_max: usize,
    fails: &'a mut dyn FnMut(&Plan) -> bool,
}

fn shrink(plan: Plan, runs_max: usize, fails: &mut dyn FnMut(&Plan) -> bool) -> Shrunk {
    let mut search = Search { plan, runs: 0, runs_max, fails };
    loop {
        let before = search.plan.clone();
        search.trouble();
        search.talkers();
        while let Some(smaller) = search.plan.without_last_node()
            && search.takes(smaller)
        {}
        search.time();
        if search.plan == before || search.runs >= runs_max {
            return Shrunk { plan: search.plan, runs: search.runs };
        }
    }
}

impl Search<'_> {
    /// Goes on with `smaller` if it still fails.
    fn takes(&mut self, smaller: Plan) -> bool {
        if self.runs >= self.runs_max {
            return false;
        }
        self.runs += 1;
        let still = (self.fails)(&smaller);
        if still {
            self.plan = smaller;
        }
        still
    }

    /// Leaves out chunks of trouble, first large ones, then smaller ones.
    fn trouble(&mut self) {
        let mut chunk = self.plan.trouble.len();
        while chunk > 0 {
            let mut at = 0;
            while at < self.plan.trouble.len() {
                let end = (at + chunk).min(self.plan.trouble.len());
                let kept: Vec<Trouble> = self
                    .plan
                    .trouble
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| !(at..end).contains(index))
                    .map(|(_, trouble)| trouble.clone())
                    .collect();
                if !self.takes(Plan { trouble: kept, ..self.plan.clone() }) {
                    at = end;
                }
            }
            chunk /= 2;
        }
    }

    fn talkers(&mut self) {
        if self.plan.sale.is_some() {
            self.takes(Plan { sale: None, ..self.plan.clone() });
        }
        for index in (0..self.plan.sensors.len()).rev() {
            let mut smaller = self.plan.clone();
            smaller.sensors.remove(index);
            self.takes(smaller);
        }
        // The last first: each client's chance hangs on its number.
        while !self.plan.clients.is_empty() {
            let mut smaller = self.plan.clone();
            smaller.clients.pop();
            if !self.takes(smaller) {
                break;
            }
        }
    }

    fn time(&mut self) {
        while self.plan.load > LOAD_MIN {
            let load = Span::from_millis(self.plan.load.as_millis() * 2 / 3).max(LOAD_MIN);
            let trouble = self.plan.trouble.iter().map(|trouble| Trouble {
                after: trouble.after.min(load),
                fault: trouble.fault.clone(),
            });
            let smaller = Plan { load, trouble: trouble.collect(), ..self.plan.clone() };
            if !self.takes(smaller) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::{dst::Story, world::faults::Fault};

    /// Two faults together are what fails; all else goes.
    #[test]
    fn what_matters_is_left() {
        let mut plan = Plan { nodes: 5, ..Plan::draw(Story::Finality, 3) };
        let secs = Span::from_secs;
        for (after, fault) in [(3, Fault::Crash(1)), (4, Fault::Block(0, 1)), (5, Fault::Crash(0))]
        {
            plan.trouble.push(Trouble { after: secs(after), fault });
        }
        let matters = [Fault::Crash(1), Fault::Block(0, 1)];
        let mut fails = |plan: &Plan| {
            let has = |fault: &Fault| plan.trouble.iter().any(|trouble| trouble.fault == *fault);
            matters.iter().all(has)
        };
        let Shrunk { plan, runs } = shrink(plan, 1_000, &mut fails);
        assert_eq!(plan.trouble.len(), 2, "{:?}", plan.trouble);
        assert_eq!((plan.nodes, plan.load), (2, LOAD_MIN));
        assert!(plan.sensors.is_empty() && plan.clients.is_empty());
        assert!(runs < 100, "{runs}");
    }

    #[test]
    fn a_plan_is_a_file() {
        for story in [Story::Spread, Story::Finality] {
            for seed in 0..20 {
                let plan = Plan::draw(story, seed);
                let text = toml::to_string(&plan).unwrap();
                assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan);
            }
        }
    }

    #[test]
    fn what_holds_is_not_shrunk() {
        let mut plan = Plan::draw(Story::Finality, 3);
        plan.trouble.clear();
        plan.load = LOAD_MIN;
        assert!(plan.shrink(10, |_| {}).is_none());
    }
}
