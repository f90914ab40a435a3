use weft_core::time::Span;
use weft_simulations::{Posting, Settings, World};
#[test]
fn t() {
    for (count, seed) in [(10, 10), (10, 11), (10, 12), (16, 1), (16, 2), (24, 1)] {
        let mut s = Settings::new(seed);
        s.limits.peers_target = 0;
        if let Ok(g) = std::env::var("GRAFT") {
            s.limits.graft_delay = Span::from_millis(g.parse().unwrap());
            s.limits.ask_frontier_delay = Span::from_millis(1000);
        }
        let mut world = World::new(s);
        let nodes = world.mesh(count);
        for node in &nodes {
            world.add_poster(*node, Posting::default(), Span::from_secs(60));
        }
        let mut last: Vec<_> = nodes.iter().map(|n| world.traffic(*n).clone()).collect();
        for t in 0..6 {
            let f: Vec<u64> = nodes.iter().map(|n| world.node(*n).fetched()).collect();
            world.run(Span::from_secs(10)).unwrap();
            let mut g = 0;
            let mut p = 0;
            let mut tx = 0;
            let mut fe = 0;
            let mut c = 0;
            for (i, n) in nodes.iter().enumerate() {
                let d = world.traffic(*n).since(&last[i]);
                g += d.of("graft").frames;
                p += d.of("prune").frames;
                tx += d.of("transaction").bytes;
                c += d.of("get_cone").frames;
                fe += world.node(*n).fetched() - f[i];
                last[i] = world.traffic(*n).clone();
            }
            println!(
                "{count} seed {seed} t {t}: graft {g} prune {p} cone {c} tx {}%",
                tx * 100 / fe
            );
        }
    }
}
