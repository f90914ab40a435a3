//! The committee makes everything final: one order on all nodes, soon, and whatever happens.

use weft_core::time::Span;
use weft_simulations::{Posting, Settings, World};

fn world(seed: u64, validators: u64) -> World {
    World::new(Settings { validators, ..Settings::new(seed) })
}

/// Leaves of all commits that a node told of.
fn ordered(world: &World, node: usize) -> usize {
    world.node(node).told().commits.iter().map(|commit| commit.leaves.len()).sum()
}

#[test]
fn four_validators_order_everything_alike() {
    let mut world = world(1, 4);
    let nodes = world.mesh(4);
    for node in nodes {
        world.add_poster(node, Posting::default(), Span::from_secs(10));
    }
    world.run(Span::from_secs(15)).unwrap();
    world.judge().unwrap();
    let status = world.node(0).status().unwrap();
    println!("{status:?}");
    for node in 0..4 {
        println!(
            "{} commits, {} leaves of {}",
            world.node(node).told().commits.len(),
            ordered(&world, node),
            status.next
        );
    }
    assert_eq!(ordered(&world, 0) as u64, status.next.0);
}

#[test]
fn a_committee_of_one_is_final_at_once() {
    let mut world = world(2, 1);
    let nodes = world.mesh(2);
    world.add_poster(nodes[0], Posting::default(), Span::from_secs(10));
    world.run(Span::from_secs(15)).unwrap();
    world.judge().unwrap();
    let status = world.node(0).status().unwrap();
    println!("{status:?}");
    assert_eq!(ordered(&world, 0) as u64, status.next.0);
    assert_eq!(ordered(&world, 1) as u64, status.next.0);
}
