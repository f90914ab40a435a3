//! One thing goes wrong at a time.

use weft_core::time::Span;
use weft_simulations::{Posting, Settings, World, faults::Fault};

fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

fn show(world: &World, all: &[usize]) {
    println!("{} acked, now {:?} {:?}", world.acknowledged(), world.now(), world.trace().1);
    for node in all {
        let t = world.traffic(*node);
        println!(
            "  {node} total {} tx {} / {} held {} {:?}",
            t.total().bytes,
            t.of("transaction").frames,
            t.of("transaction").bytes,
            world.node(*node).store().log_len(),
            world.node(*node).status().map(|s| (
                s.next,
                s.tip_count,
                s.waiting_count,
                s.wanted,
                s.peers.len()
            ))
        );
        println!("     {:?}", t.kinds());
        println!("     {:?} {:?}", world.node(*node).blamed(), world.node(*node).dropped());
    }
}
trait L {
    fn log_len(&self) -> usize;
}
impl L for weft_storage::MemoryStore {
    fn log_len(&self) -> usize {
        use weft_storage::Store;
        self.next_position().0 as usize
    }
}

#[test]
fn line() {
    let mut settings = Settings::new(1);
    settings.limits.peers_target = 0;
    let mut world = World::new(settings);
    let all = world.line(8);
    world.run(secs(1)).unwrap();
    for node in &all {
        world.add_poster(*node, Posting::default(), secs(20));
    }
    world.run(secs(20)).unwrap();
    let r = world.settle(secs(60));
    show(&world, &all);
    r.unwrap();
    world.judge_settled().unwrap();
}

#[test]
fn heal() {
    let mut settings = Settings::new(1);
    settings.limits.peers_target = 2;
    let mut world = World::new(settings);
    let all = world.line(7);
    world.run(secs(3)).unwrap();
    for node in &all {
        world.add_poster(*node, Posting::default(), secs(20));
    }
    world.run(secs(10)).unwrap();
    world.fault(&Fault::Crash(3));
    world.run(secs(10)).unwrap();
    let r = world.settle(secs(60));
    show(&world, &all);
    r.unwrap();
    world.judge_settled().unwrap();
}

#[test]
fn late() {
    let mut world = World::new(Settings::new(1));
    let mut all = world.mesh(4);
    for node in &all {
        world.add_poster(
            *node,
            Posting { every: Span::from_millis(20), ..Posting::default() },
            secs(50),
        );
    }
    world.run(secs(50)).unwrap();
    world.settle(secs(60)).unwrap();
    let new = world.add_node();
    world.connect(new, 0);
    all.push(new);
    let t = std::time::Instant::now();
    let r = world.settle(secs(60));
    println!("{:?}", t.elapsed());
    show(&world, &all);
    r.unwrap();
    world.judge_settled().unwrap();
}

#[test]
fn partition() {
    let mut world = World::new(Settings::new(1));
    let all = world.mesh(6);
    for node in &all {
        world.add_poster(
            *node,
            Posting { every: Span::from_millis(100), ..Posting::default() },
            secs(60),
        );
    }
    world.run(secs(20)).unwrap();
    world.part(&all[..3], true);
    world.run(secs(20)).unwrap();
    show(&world, &all);
    world.part(&all[..3], false);
    world.run(secs(20)).unwrap();
    let r = world.settle(secs(60));
    show(&world, &all);
    r.unwrap();
    world.judge_settled().unwrap();
}

#[test]
fn crash() {
    let mut world = World::new(Settings::new(1));
    let all = world.mesh(5);
    for node in &all {
        world.add_poster(
            *node,
            Posting { every: Span::from_millis(100), ..Posting::default() },
            secs(30),
        );
    }
    world.run(secs(10)).unwrap();
    world.fault(&Fault::Crash(2));
    world.run(secs(10)).unwrap();
    world.fault(&Fault::Restart(2));
    world.run(secs(10)).unwrap();
    let r = world.settle(secs(60));
    show(&world, &all);
    r.unwrap();
    world.judge_settled().unwrap();
}
