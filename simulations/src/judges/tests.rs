use weft_core::{
    digest::TxId,
    machine::DropReason,
    time::{Span, Time},
};

use super::*;
use crate::{
    work::Posting,
    world::{Settings, World},
};

/// Judges that never spoke prove nothing: each is shown what it must notice.
#[test]
fn judges_notice_what_they_are_there_for() {
    let mut world = World::new(Settings::new(1));
    let (one, other) = (world.add_node(), world.add_node());
    world.add_poster(one, Posting::default(), Span::from_secs(2));
    world.run(Span::from_secs(3)).unwrap();
    world.judge().unwrap();

    assert!(same_transactions(world.live()).is_err(), "two nodes that never met");
    assert!(world.settle(Span::from_secs(3)).is_err());
    let other = world.node(other).id();
    let node = world.honest(one).unwrap();

    node.told.acknowledged.insert(TxId::ZERO);
    assert!(acknowledged_kept(node).is_err());

    node.told.dropped.push((other, DropReason::Banned));
    assert!(no_honest_peer_dropped(node, &|id| *id == other).is_err());
    assert!(no_honest_peer_dropped(node, &|_| false).is_ok());

    assert!(bounds(node).is_ok());
    let now = Time::from_millis(9_000_000);
    (0..100).for_each(|_| node.pulse.step(now, 0, true));
    assert!(bounds(node).is_err(), "a hundred deadlines for nothing");
}
