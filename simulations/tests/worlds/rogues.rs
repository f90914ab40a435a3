//! Somebody follows no rule; all others go on, within their bounds, and blame nobody else.

use weft_core::{machine::Fault, params::ATTACHMENTS_MAX, time::Span};
use weft_simulations::{
    Posting, Settings, World,
    world::rogue::{Answers, Rogue, Trick},
};

use crate::secs;

/// ```text
/// a - b        r is connected to each and plays its trick on each every 100 ms; everybody posts
/// | x |  = r
/// c - d
/// ```
fn against(tricks: &[Trick], answers: Answers) -> (World, Vec<usize>, usize) {
    against_in(Settings::new(7), tricks, answers)
}

fn against_in(
    settings: Settings,
    tricks: &[Trick],
    answers: Answers,
) -> (World, Vec<usize>, usize) {
    let mut world = World::new(settings);
    let honest = world.mesh(4);
    let every = Span::from_millis(100);
    let rogue = world.add_rogue(|number, world| Rogue::new(number, world, tricks, answers, every));
    for node in &honest {
        world.connect(rogue, *node);
        world.add_poster(*node, Posting::default(), secs(20));
    }
    world.run(secs(20)).unwrap();
    world.settle(secs(3)).unwrap();
    world.judge_settled().unwrap();
    assert!(world.acknowledged() > 350, "{} posts", world.acknowledged());
    (world, honest, rogue)
}

/// How often each node blamed the rogue.
fn blamed(world: &World, honest: &[usize], rogue: usize) -> Vec<usize> {
    let rogue = world.id(rogue);
    honest
        .iter()
        .map(|node| world.node(*node).told().blamed.get(&rogue).map_or(0, Vec::len))
        .collect()
}

/// Whether all nodes turned the rogue away for good.
fn banned(world: &World, honest: &[usize], rogue: usize) -> bool {
    let rogue = world.id(rogue);
    let connected = |node: &usize| {
        let peers = &world.node(*node).status().unwrap().peers;
        peers.iter().any(|peer| peer.id == rogue)
    };
    !honest.iter().any(connected)
}

#[test]
fn what_no_honest_node_does_ends_the_connection_at_once() {
    for trick in [Trick::ForgedSeal, Trick::Garbage, Trick::TooLittleWork, Trick::OtherNetwork] {
        let settings = Settings { work_bits: 8, ..Settings::new(7) };
        let (world, honest, rogue) = against_in(settings, &[trick], Answers::Empty);
        assert!(banned(&world, &honest, rogue), "{trick:?}");
        let rogue = world.id(rogue);
        for node in honest {
            let faults = &world.node(node).told().blamed[&rogue];
            assert!(matches!(faults[..], [Fault::Refused(_)]), "{trick:?}: {faults:?}");
        }
    }
}

/// Parents, frontiers and keys that do not exist: who names them must have them.
#[test]
fn empty_promises_are_scored_until_nobody_listens() {
    for (trick, answers) in [
        (Trick::UnknownParents, Answers::Empty),
        (Trick::FalseFrontier, Answers::Empty),
        (Trick::FalseHave, Answers::Empty),
        (Trick::UnknownKeys, Answers::Empty),
        (Trick::UnknownKeys, Answers::WrongKey),
    ] {
        let (world, honest, rogue) = against(&[trick], answers);
        assert!(banned(&world, &honest, rogue), "{trick:?}, {answers:?}");
    }
}

/// Nothing comes, or the same again and again: scored, and nobody waits for it.
#[test]
fn stalling_is_scored_and_holds_nobody_up() {
    for (trick, answers) in [
        (Trick::UnknownParents, Answers::Silence),
        (Trick::UnknownParents, Answers::Endless),
        (Trick::FalseFrontier, Answers::Silence),
        (Trick::FalseFrontier, Answers::Endless),
        (Trick::UnknownKeys, Answers::Silence),
    ] {
        let (world, honest, rogue) = against(&[trick], answers);
        let blamed = blamed(&world, &honest, rogue);
        assert!(blamed.iter().all(|times| *times > 0), "{trick:?}, {answers:?}: {blamed:?}");
    }
}

#[test]
fn whoever_asks_too_much_at_once_is_cut_off() {
    let (world, honest, rogue) = against(&[Trick::ManyRequests], Answers::Empty);
    assert!(banned(&world, &honest, rogue));
    let rogue = world.id(rogue);
    for node in honest {
        let faults = &world.node(node).told().blamed[&rogue];
        assert!(matches!(faults[..], [Fault::TooManyRequests { .. }, ..]), "{faults:?}");
    }
}

/// What is valid is taken, however long, old or new it says it is, and what is known is counted as
/// a repeat.
#[test]
fn what_is_allowed_harms_nobody() {
    for trick in [Trick::Huge, Trick::StrangeTimes, Trick::Repeats] {
        let (world, honest, rogue) = against(&[trick], Answers::Empty);
        assert_eq!(blamed(&world, &honest, rogue), [0; 4], "{trick:?}");
    }
}

/// Short questions with long answers: what one peer may fetch is bounded by the second.
#[test]
fn long_answers_stay_within_what_one_peer_may_fetch() {
    let mut settings = Settings::new(7);
    settings.limits.serve_bytes_per_s = 100_000;
    settings.limits.serve_bytes_burst = 200_000;
    let (world, honest, rogue) = against_in(settings, &[Trick::Amplify], Answers::Empty);
    assert_eq!(blamed(&world, &honest, rogue), [0; 4]);
    let kinds = world.traffic(rogue);
    let served = kinds.of("transaction").bytes + kinds.of("attachment").bytes;
    println!("{served} bytes of transactions for {} of questions", world.sent(rogue).total().bytes);
    // Four nodes, 23 seconds, and what gossip brings beside it.
    assert!(served > 4 * 2_000_000, "it asked for more than it may have");
    assert!(served < 4 * (23 * 100_000 + 200_000) + 4_000_000, "{served}");
}

/// What costs little and cannot be told from bad luck is only bounded.
#[test]
fn floods_stay_within_bounds() {
    for trick in [Trick::FalseHave, Trick::FalseAddresses, Trick::Greed] {
        let (world, honest, _) = against(&[trick], Answers::Silence);
        for node in honest {
            let bytes = world.bytes_per_new(node);
            let flood =
                world.traffic(node).of("have").bytes + world.traffic(node).of("peers").bytes;
            let others = bytes - flood * 100 / world.node(node).fetched();
            assert!(others <= 150, "{trick:?}: {others} bytes per 100 beside the flood");
        }
    }
}

/// Of a body attached 200 times each node takes four, and they end there.
#[test]
fn one_body_attached_again_and_again_fills_four_places() {
    let (world, honest, rogue) = against(&[Trick::ManyAttachments], Answers::Empty);
    let posts = world.acknowledged();
    for node in &honest {
        let held = world.node(*node).status().unwrap().next.0;
        assert_eq!(held, posts + ATTACHMENTS_MAX as u64);
    }
    assert_eq!(blamed(&world, &honest, rogue), [0; 4], "anyone may attach a body");
}

/// ```text
/// r r r r        four rogues who stall and one honest node with 1,000 transactions
///  \ \|/
///   late - a
/// ```
#[test]
fn rogues_who_stall_do_not_keep_a_joiner_from_its_past() {
    let mut world = World::new(Settings::new(11));
    let honest = world.add_node();
    let plan = Posting { every: Span::from_millis(20), ..Posting::default() };
    world.add_poster(honest, plan, secs(20));
    world.run(secs(20)).unwrap();
    let late = world.add_node();
    for answers in [Answers::Silence, Answers::Silence, Answers::Endless, Answers::Unsolid] {
        let tricks = [Trick::FalseFrontier, Trick::UnknownParents];
        let rogue = world.add_rogue(|number, world| {
            Rogue::new(number, world, &tricks, answers, Span::from_millis(100))
        });
        world.connect(rogue, late);
    }
    world.run(secs(3)).unwrap();
    world.connect(late, honest);
    world.settle(secs(30)).unwrap();
    world.judge_settled().unwrap();
}
