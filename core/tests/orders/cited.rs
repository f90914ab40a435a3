//! What checkpoints cite is asked for until it is here, however little may be wanted at a time.

use std::{collections::BTreeSet, sync::Arc};

use weft_core::{
    checkpoint::{Checkpoint, Content, VerifiedCheckpoint},
    committee::Author,
    digest::TxId,
    keys::{KeyError, PublicKey, Scheme, Sign, Signature},
    machine::{Input, Limits, Source, Ticket, ToNet},
    message::{End, GetCone, Message},
    time::Time,
    units::{Position, Round},
};

use crate::{
    drawing::{Drawn, genesis},
    node::{Node, PEER},
};

/// The one validator, whose signatures nobody here looks at.
struct Nobody(PublicKey);

impl Sign for Nobody {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, KeyError> {
        let scheme = Scheme::MlDsa44;
        Ok(Signature::new(scheme, vec![0; scheme.signature_bytes()].into()).unwrap())
    }
}

/// The first checkpoint of the only validator.
fn citing(tips: Vec<TxId>) -> Input {
    let genesis = genesis();
    let key = Nobody(genesis.committee.validators()[0].key.clone());
    let content = Content { refs: Vec::new(), tips, votes: Vec::new() };
    let (slot, time) = ((Round(1), Author(0)), Time::from_millis(1_000));
    let made = Checkpoint::sign(genesis.network(), slot, time, content, &key).unwrap();
    let checkpoint = Arc::new(VerifiedCheckpoint::own(made));
    Input::Checkpoint { source: Source::Gossip(PEER), checkpoint }
}

/// The pasts that were asked for.
fn cones(said: Vec<ToNet>) -> Vec<(Ticket, Vec<TxId>)> {
    let cone = |said| match said {
        ToNet::Ask { to: PEER, ticket, message: Message::GetCone(GetCone { want, .. }) } => {
            Some((ticket, want))
        }
        _ => None,
    };
    said.into_iter().filter_map(cone).collect()
}

#[test]
fn what_found_no_room_among_the_wants_is_wanted_later() {
    let limits = Limits { wants_per_peer: 1, wants_max: 1, ..Limits::default() };
    let patience = limits.ask_again;
    let drawn = Drawn::parse("a; b; c; d; e");
    let mut node = Node::new(limits);
    let mut said = node.input(citing(drawn.ids()));
    let mut asked = BTreeSet::new();
    for _ in &drawn.transactions {
        said.extend(node.wait(patience));
        for (ticket, want) in cones(std::mem::take(&mut said)) {
            for tx in drawn.transactions.iter().filter(|tx| want.contains(&tx.id())) {
                assert!(asked.insert(tx.id()), "{} is asked for twice", tx.id());
                let source = Source::Answer(PEER);
                said.extend(node.input(Input::Admitted {
                    source,
                    tx: tx.clone(),
                    absent_below: Position::ZERO,
                }));
            }
            let end = Some(End { next: None });
            said.extend(node.input(Input::Answered { from: PEER, ticket, end }));
        }
    }
    assert_eq!(asked, drawn.ids().into_iter().collect());
    assert_eq!(node.shelf.log.len(), 5);
}
