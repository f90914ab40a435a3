//! Hangs bodies that were signed beforehand one behind another, at a price that does not count.
//!
//! Each approves what was hung [`WIDTH`] before it and the one after that, so that every one is
//! approved and the Tangle keeps a width. What a node shows takes their place from time to time: an
//! anchor is good for 600 rounds.

use weft_client::host::Tips;
use weft_core::{
    digest::{BodyId, TxId},
    genesis::Genesis,
    pow::{Search, required_bits},
    tx::{Attachment, CommitRef, SealedBody, Transaction},
};

/// Ends that are approved in turn.
const WIDTH: usize = 64;

/// Nonces tried at once.
const TRIES: u32 = 4_096;

/// Where bodies are hung.
pub(super) struct Chain {
    ends: [TxId; WIDTH],
    next: usize,
    anchor: CommitRef,
    work_bits: u8,
}

impl Chain {
    /// From the genesis on.
    pub(super) fn new(genesis: &Genesis) -> Self {
        let (anchor, work_bits) = (genesis.commit(), genesis.params.work_bits);
        Self { ends: [TxId::ZERO; WIDTH], next: 0, anchor, work_bits }
    }

    /// Goes on from what a node shows.
    pub(super) fn follow(&mut self, tips: &Tips) {
        // One alone would be its own neighbour; zero stands for the anchor.
        let shown = tips.tips.iter().copied().chain([TxId::ZERO]).cycle();
        self.ends.iter_mut().zip(shown).for_each(|(end, tip)| *end = tip);
        self.anchor = tips.anchor;
    }

    /// The next transaction.
    pub(super) fn hang(&mut self, sealed: SealedBody) -> Transaction {
        let body = &sealed.body;
        let (content, registers) = (body.payload.content_bytes(), body.sequence.registers());
        let attachment = self.attach(&body.id(), content, registers);
        sealed.attach(attachment)
    }

    /// The next place for a body of which only this is known.
    pub(super) fn attach(
        &mut self,
        body: &BodyId,
        content_bytes: usize,
        registers: bool,
    ) -> Attachment {
        let end = |at: usize| self.ends.get(at % WIDTH).copied().unwrap_or_default();
        let (first, second) = (end(self.next), end(self.next + 1));
        let second = if first == second { TxId::ZERO } else { second };
        let mut attachment = Attachment::new([first, second], self.anchor);
        let bits = required_bits(self.work_bits, content_bytes, registers);
        let mut search = Search::new(&attachment.work_prefix(body), bits, 0);
        attachment.nonce = loop {
            if let Some(nonce) = search.step(TRIES) {
                break nonce;
            }
        };
        if let Some(end) = self.ends.get_mut(self.next) {
            *end = attachment.id(body);
        }
        self.next = (self.next + 1) % WIDTH;
        attachment
    }
}

#[cfg(test)]
mod tests {
    use weft_core::{admit::Rules, params::Params, pow::trailing_zero_bits};

    use super::super::issuers::Issuers;
    use super::*;

    fn shown(genesis: &Genesis) -> Tips {
        Tips {
            tips: Vec::new(),
            anchor: genesis.commit(),
            work_bits: genesis.params.work_bits,
            network: genesis.network(),
            genesis: genesis.id(),
            kind: genesis.kind,
            schemes: genesis.params.schemes.clone(),
        }
    }

    #[test]
    fn each_has_its_work_and_approves_two_that_were_hung_before() {
        let params = Params { work_bits: 1, ..Params::dev() };
        let genesis = Genesis::without_finality("chain", params);
        let (rules, mut chain) = (Rules::new(&genesis), Chain::new(&genesis));
        let mut issuers = Issuers::generate(&genesis, 3).unwrap();
        let mut before = vec![TxId::ZERO];
        for sealed in issuers.sign(2 * WIDTH + 1, 32).unwrap() {
            let tx = chain.hang(sealed);
            assert!(trailing_zero_bits(&tx.id()) >= rules.work_bits(&tx));
            assert!(tx.attachment.parents.iter().all(|parent| before.contains(parent)));
            before.push(tx.id());
        }
        // A node that shows one tip only: never twice the same parent.
        let tips = Tips { tips: vec![TxId([9; 32])], ..shown(&genesis) };
        chain.follow(&tips);
        for _ in 0..WIDTH {
            let [first, second] = chain.attach(&BodyId([7; 32]), 0, false).parents;
            assert_ne!(first, second);
        }
    }
}
