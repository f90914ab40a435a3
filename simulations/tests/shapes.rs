//! Networks of all shapes, and nothing goes wrong.

use weft_core::time::Span;
use weft_simulations::{Posting, Settings, World};

fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

#[test]
fn a_mesh_agrees() {
    for nodes in [4, 7, 10] {
        let mut world = World::new(Settings::new(nodes as u64));
        let all = world.mesh(nodes);
        for node in &all {
            world.add_poster(*node, Posting::default(), secs(10));
        }
        let t = std::time::Instant::now();
        world.run(secs(10)).unwrap();
        world.settle(secs(30)).unwrap();
        world.judge_settled().unwrap();
        println!(
            "{nodes}: {} acked, {:?} now {:?} {:?}",
            world.acknowledged(),
            t.elapsed(),
            world.now(),
            world.trace().1
        );
        for node in &all {
            println!("  {node} {:?} {:?}", world.traffic(*node), world.node(*node).pulse());
        }
    }
}
