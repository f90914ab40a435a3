//! Who is there, and who is connected to whom.

use crate::world::{
    node::Node,
    rogue::Rogue,
    traffic::Traffic,
    {Happening, Party, World},
};

impl World {
    /// Adds an honest node and starts it.
    pub fn add_node(&mut self) -> usize {
        let number = self.parties.len();
        let mut node = Node::new(number as u64, &self.genesis, &self.settings);
        node.start(self.now);
        self.add(Party::Honest(Box::new(node)))
    }

    /// Adds somebody who follows no rule.
    pub fn add_rogue(&mut self, rogue: impl FnOnce(u64, &mut Self) -> Rogue) -> usize {
        let number = self.parties.len() as u64;
        let rogue = rogue(number, self);
        self.add(Party::Rogue(Box::new(rogue)))
    }

    pub(crate) fn add(&mut self, party: Party) -> usize {
        let number = self.parties.len();
        self.by_id.entry(party.id()).or_default().push(number);
        self.parties.push(party);
        self.traffic.push(Traffic::default());
        self.sent.push(Traffic::default());
        self.plan(number);
        number
    }

    /// `number` honest nodes, each connected to each.
    pub fn mesh(&mut self, number: usize) -> Vec<usize> {
        let nodes: Vec<usize> = (0..number).map(|_| self.add_node()).collect();
        for (index, by) in nodes.iter().enumerate() {
            for to in nodes.iter().skip(index + 1) {
                self.connect(*by, *to);
            }
        }
        nodes
    }

    /// `number` honest nodes in a row, each connected to the next.
    pub fn line(&mut self, number: usize) -> Vec<usize> {
        let nodes: Vec<usize> = (0..number).map(|_| self.add_node()).collect();
        for (by, to) in nodes.iter().zip(nodes.iter().skip(1)) {
            self.connect(*by, *to);
        }
        nodes
    }

    /// The operator of `by` names `to`: it is dialled, for ever.
    pub fn connect(&mut self, by: usize, to: usize) {
        self.fixed.insert([by, to]);
        self.put(self.now, Happening::Redial { by, to });
    }

    /// The operator of `by` forgets `to`; a connection that stands stays.
    pub fn disown(&mut self, by: usize, to: usize) {
        self.fixed.remove(&[by, to]);
    }
}
