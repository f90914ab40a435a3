//! What holds of every run, on small ones.

use super::{Kind, Model, Outcome, model::*, run};

fn small() -> Model {
    let mut model = Model { transactions: 8_000, rate: 100.0, ..Model::default() };
    model.record.cool_down = 20.0;
    model
}

fn outcome(change: impl FnOnce(&mut Model)) -> Outcome {
    let mut model = small();
    change(&mut model);
    run(&model, 7).unwrap()
}

#[test]
fn a_seed_is_a_run() {
    let model = small();
    assert_eq!(run(&model, 7), run(&model, 7));
    assert_ne!(run(&model, 7).unwrap().tips, run(&model, 8).unwrap().tips);
}

#[test]
fn more_parents_leave_fewer_tips() {
    let tips = |parents| outcome(|model| model.parents = parents).tips.mean;
    assert!((tips(2) - 200.0).abs() < 20.0);
    assert!((tips(3) - 150.0).abs() < 15.0);
    assert!(tips(1) > 300.0);
}

#[test]
fn everybody_is_approved_without_a_limit_of_age() {
    let all = outcome(|_| {});
    assert_eq!((all.orphans, all.first_approval.count()), (0, all.measured));
    assert_eq!(all.approvers.iter().sum::<u64>(), all.measured);
    assert!(outcome(|model| model.selection.tip_age_max = 3.0).orphans > 0);
}

#[test]
fn rounds_are_rounds() {
    let rounds = outcome(|model| model.arrivals = Arrivals::Rounds);
    assert_eq!(rounds.hours, 79.0);
    assert!((rounds.tips.mean - 125.5).abs() < 6.0, "{}", rounds.tips.mean);
}

#[test]
fn what_is_not_recorded_changes_nothing() {
    let plain = outcome(|_| {});
    let mut kept = outcome(|model| {
        (model.record.sampled, model.record.horizon, model.record.excerpt) = (5, 10.0, 50);
    });
    assert_eq!(kept.weights.take().unwrap().curves.len(), 5);
    assert_eq!(kept.excerpt.len(), 100);
    kept.excerpt.clear();
    assert_eq!(kept, plain);
}

#[test]
fn a_picture_is_a_dag() {
    let all = outcome(|model| {
        (model.record.excerpt, model.spam, model.lazy) = (20_000, 0.1, 0.1);
        (model.validators.count, model.validators.slice) = (4, Slice::All);
    });
    let places: Vec<u32> = all.excerpt.iter().map(|vertex| vertex.id).collect();
    assert!(places.iter().zip(0..).all(|(id, place)| *id == place));
    for vertex in &all.excerpt {
        assert!(vertex.parents.iter().all(|parent| *parent < vertex.id), "{vertex:?}");
        assert_eq!(vertex.parents.is_empty(), vertex.kind == Kind::Genesis);
    }
    for kind in [Kind::Honest, Kind::Lazy, Kind::Spam, Kind::Block] {
        assert!(all.excerpt.iter().any(|vertex| vertex.kind == kind), "{kind:?}");
    }
}

#[test]
fn weights_are_those_of_the_picture() {
    let all = outcome(|model| {
        (model.record.sampled, model.record.horizon, model.record.excerpt) = (3, 30.0, 20_000);
    });
    let weights = all.weights.unwrap();
    // Reached from each id, the slow way.
    let weight = |root: &super::Vertex, until: f64| {
        let mut is_reached = vec![false; all.excerpt.len()];
        is_reached[root.id as usize] = true;
        let mut weight = 0;
        for vertex in all.excerpt.iter().skip(root.id as usize) {
            let reaches = vertex.parents.iter().any(|parent| is_reached[*parent as usize]);
            if vertex.time < until && (reaches || vertex.id == root.id) {
                is_reached[vertex.id as usize] = true;
                weight += 1;
            }
        }
        weight
    };
    let matches = |curve: &Vec<u32>| {
        let at = |vertex: &super::Vertex, h: u32| weight(vertex, vertex.time + f64::from(h));
        all.excerpt
            .iter()
            .skip(1_000)
            .any(|vertex| [4, 10, 20].iter().all(|h| at(vertex, *h) == curve[*h as usize * 4]))
    };
    assert!(weights.curves.iter().all(matches));
}

#[test]
fn all_tips_cover_as_fast_as_blocks_can() {
    let cover = outcome(|model| {
        (model.validators.count, model.validators.slice) = (20, Slice::All);
    });
    let cover = cover.cover.unwrap();
    assert_eq!((cover.quorum, cover.uncovered), (13, 0));
    // Visible after 1; then the 13th of 20 blocks per h.
    assert!((cover.latency.quantile(0.5) - 1.625).abs() < 0.01);
    assert!(cover.latency.quantile(1.0) <= 1.66);
}

#[test]
fn an_attacker_with_more_than_half_wins_and_with_little_loses() {
    let success = |share| {
        let race = outcome(|model| {
            (model.attack.kind, model.attack.share) = (AttackKind::PrivateDoubleSpend, share);
            (model.record.sampled, model.record.horizon) = (60, 30.0);
        });
        race.race.unwrap().success
    };
    assert_eq!(success(0.6), 1.0);
    assert_eq!(success(0.01), 0.0);
}

#[test]
fn nobody_approves_both_sides_of_a_double_spend() {
    let all = outcome(|model| {
        model.attack = Attack {
            kind: AttackKind::ParasiteChain,
            share: 0.3,
            start: 20.0,
            release: 5.0,
            tips: 100,
        };
    });
    let parasite = all.parasite.unwrap();
    assert!((100..200).contains(&parasite.private_weight), "{parasite:?}");
    assert!(parasite.shares.iter().all(|[victim, rival]| victim + rival <= 1.0));
    assert!(parasite.shares.iter().any(|[victim, _]| *victim > 0.1));
    assert!(parasite.shares.iter().any(|[_, rival]| *rival > 0.1));
}

#[test]
fn a_walk_keeps_the_tips_few_and_a_greedy_one_leaves_many_behind() {
    let walk = |alpha| {
        outcome(|model| {
            (model.transactions, model.rate) = (3_000, 30.0);
            (model.selection.rule, model.selection.alpha) = (Rule::Walk, alpha);
        })
    };
    let (even, greedy) = (walk(0.0), walk(5.0));
    assert!((40.0..110.0).contains(&even.tips.mean), "{}", even.tips.mean);
    assert!(greedy.tips.mean > 2.0 * even.tips.mean, "{}", greedy.tips.mean);
}

#[test]
fn everything_at_once_runs() {
    let all = outcome(|model| {
        (model.parents, model.lazy, model.spam) = (3, 0.05, 0.05);
        model.delay =
            Delay { law: Law::Empirical, points: vec![[0.5, 0.2], [2.0, 1.0]], mean: 1.0 };
        model.selection.tip_age_max = 6.0;
        model.arrivals = Arrivals::Rounds;
        (model.validators.count, model.validators.slice) = (7, Slice::Sliced);
        model.attack.kind = AttackKind::ParasiteChain;
        (model.attack.start, model.attack.share) = (10.0, 0.2);
        (model.record.sampled, model.record.horizon, model.record.excerpt) = (10, 20.0, 10);
        model.selection.rule = Rule::Walk;
    });
    assert!(all.measured > 0 && all.cover.unwrap().latency.count() > 0);
}
