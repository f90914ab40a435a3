//! Somebody follows no rule.

use weft_core::time::Span;
use weft_simulations::{
    Posting, Settings, World,
    rogue::{Answers, Rogue, Trick},
};

fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

fn against(tricks: &[Trick], answers: Answers) -> World {
    let mut world = World::new(Settings::new(7));
    let honest = world.mesh(4);
    let every = Span::from_millis(100);
    let rogue = world.add_rogue(|number, world| Rogue::new(number, world, tricks, answers, every));
    for node in &honest {
        world.connect(rogue, *node);
        world.add_poster(*node, Posting::default(), secs(30));
    }
    world.run(secs(30)).unwrap();
    let r = world.settle(secs(20));
    println!("{tricks:?} {answers:?}: {:?} now {:?}", r, world.now());
    for node in &honest {
        let n = world.node(*node);
        let s = n.status().unwrap();
        println!(
            "  {} waiting {} {} wanted {} fetching {} addr {} peers {} blamed {:?} dropped {} copies {}/{}",
            s.next,
            s.waiting_count,
            s.waiting_bytes,
            s.wanted,
            s.fetching,
            s.known_addresses,
            s.peers.len(),
            n.blamed()
                .values()
                .map(|f| {
                    let mut m = std::collections::BTreeMap::new();
                    for x in f {
                        *m.entry(format!("{x:?}").chars().take(12).collect::<String>())
                            .or_insert(0) += 1;
                    }
                    m
                })
                .collect::<Vec<_>>(),
            n.dropped().len(),
            world.traffic(*node).of("transaction").frames,
            s.next
        );
        println!("    {:?}", world.traffic(*node).kinds());
        println!("    pulse {:?}", n.pulse());
    }
    r.unwrap();
    world.judge().unwrap();
    world
}

#[test]
fn all() {
    use Answers::*;
    use Trick::*;
    for (tricks, answers) in [
        (&[UnknownParents][..], Empty),
        (&[UnknownParents], Silence),
        (&[UnknownParents], Endless),
        (&[FalseFrontier], Empty),
        (&[FalseFrontier], Silence),
        (&[FalseFrontier], Endless),
        (&[FalseHave], Silence),
        (&[UnknownKeys], Empty),
        (&[UnknownKeys], WrongKey),
        (&[UnknownKeys], Silence),
        (&[ManyAttachments], Empty),
        (&[FalseAddresses], Empty),
        (&[Greed], Empty),
        (&[ForgedSeal], Empty),
        (&[Garbage], Empty),
    ] {
        let t = std::time::Instant::now();
        let r = std::panic::catch_unwind(|| against(tricks, answers));
        println!("{:?} {}", t.elapsed(), r.is_ok());
    }
}
