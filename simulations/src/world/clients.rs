//! Clients with funds: they pay, trade, spend twice, leave gaps, change keys, and see to it that
//! what they said becomes final.
//!
//! Whatever is not ordered in time, or can not be ordered any more, is attached anew, at any node,
//! until it has an outcome.

use std::collections::{BTreeMap, BTreeSet};

use weft_core::{
    address::Address,
    commit::Leaf,
    digest::{BodyId, TxId},
    keys::Sign as _,
    machine::SubmitRefusal,
    outcome::Outcome,
    params::ATTACHMENTS_MAX,
    time::{Span, Time},
    tx::{KeyRotate, Output, Payload, SealedBody, Transaction, Transfer},
    units::{Amount, Sequence},
};

use crate::{
    kernel::random::{Dice, Seed},
    world::{
        bazaar::Bazaar,
        device::{Device, attach, reading},
        life::Outcome as Answer,
        measure::Issuer,
        signer::{Key, Scheme},
        {Happening, Party, World},
    },
};

/// What each client has at the start.
const FUNDS: Amount = Amount(1_000_000);

/// Bodies of one client that have no outcome yet.
const OPEN_MAX: usize = 8;

/// Time after an acknowledgement in which a body should be ordered.
const PATIENCE: Span = Span::from_secs(10);

/// Time until a refused body, or one that nobody answered, is tried again.
const AGAIN: Span = Span::from_secs(2);

/// What was told final: each commit by the node that told of it first.
#[derive(Debug, Default)]
pub struct Finals {
    commits: usize,
    /// Of each body all its attachments that were ordered.
    pub bodies: BTreeMap<BodyId, Vec<Leaf>>,
    /// Submissions: when, and to which node.
    pub handed: BTreeMap<TxId, (Time, usize)>,
    stale: BTreeSet<TxId>,
}

impl Finals {
    /// What became of a body. A fault of an attachment, or one that came too early, is no end.
    pub fn outcome(&self, body: &BodyId) -> Option<Outcome> {
        let leaves = self.bodies.get(body)?;
        let mut ends = leaves.iter().map(|leaf| leaf.outcome);
        ends.find(|outcome| !matches!(outcome, Outcome::BadAnchor | Outcome::NoAccount))
    }

    /// Whether an attachment of a body may still be ordered: it neither was, nor is stale.
    pub(crate) fn is_awaited(&self, body: &BodyId, tx: &TxId) -> bool {
        let mut ordered = self.bodies.get(body).into_iter().flatten();
        !ordered.any(|leaf| leaf.tx == *tx) && !self.stale.contains(tx)
    }
}

#[derive(Debug)]
struct Open {
    sealed: SealedBody,
    attached: Vec<TxId>,
    again: Time,
}

/// Somebody with an account.
#[derive(Debug)]
pub struct Client {
    device: Device,
    scheme: Scheme,
    every: Span,
    until: Time,
    open: Vec<Open>,
    /// Sequences that were passed over.
    gaps: Vec<Sequence>,
    /// The body that rotates to a key, which is not in force yet.
    rotation: Option<(BodyId, Key)>,
    others: Vec<Address>,
    dice: Dice,
}

fn device_seed(seed: Seed, number: u64) -> [u8; 32] {
    seed.bytes("client", number)
}

/// The key of a client whom the genesis gives funds.
pub(crate) fn key(scheme: Scheme, seed: Seed, number: u64) -> Key {
    scheme.key(&device_seed(seed, number))
}

fn address(scheme: Scheme, seed: Seed, number: u64) -> Address {
    Address::of(key(scheme, seed, number).public_key().id())
}

/// What `clients` have at the start, ascending.
pub(crate) fn accounts(clients: u64, scheme: Scheme, seed: Seed) -> Vec<(Address, Amount)> {
    let mut accounts: Vec<_> = (0..clients).map(|n| (address(scheme, seed, n), FUNDS)).collect();
    accounts.sort_unstable();
    accounts
}

impl Client {
    /// Whether something of his has no outcome yet.
    pub(crate) const fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// Bodies without an outcome.
    pub fn waiting(&self) -> impl Iterator<Item = BodyId> {
        self.open.iter().map(|open| open.sealed.body.id())
    }

    fn notice(&mut self, finals: &Finals) {
        self.open.retain(|open| finals.outcome(&open.sealed.body.id()).is_none());
        if let Some((body, _)) = &self.rotation
            && let Some(outcome) = finals.outcome(body)
            && let Some((_, key)) = self.rotation.take()
            && outcome == Outcome::Applied
        {
            self.device.sign_with(key);
        }
    }

    /// Which of the open bodies are to be attached now.
    fn due(&mut self, now: Time, finals: &Finals) -> Vec<SealedBody> {
        let mut due = Vec::new();
        for open in &mut self.open {
            let is_lost = open.attached.iter().all(|id| finals.stale.contains(id));
            // Of more some nodes would keep these and some those.
            let body = open.sealed.body.id();
            let awaited = open.attached.iter().filter(|tx| finals.is_awaited(&body, tx));
            let has_few = awaited.count() < ATTACHMENTS_MAX;
            if (open.again <= now && has_few) || (is_lost && !open.attached.is_empty()) {
                open.again = now + AGAIN;
                open.attached.retain(|id| !finals.stale.contains(id));
                due.push(open.sealed.clone());
            }
        }
        due
    }

    /// Says something new; some say two things at once.
    fn act(&mut self, now: Time, seed: Seed, bazaar: &mut Bazaar) {
        let kind = self.dice.below(10);
        let first = self.device.take_sequence();
        if first.registers() {
            return self.say(first, reading(vec![0]), now);
        }
        match kind {
            0..4 => {
                let pays = self.pays(1, 20_000);
                self.say(first, pays, now);
            }
            4 => {
                // Twice the same sequence: one of the two wins.
                for _ in 0..2 {
                    let pays = self.pays(1_000, 5_000);
                    self.say(first, pays, now);
                }
            }
            5 => {
                // Each fits, both do not.
                let second = self.device.take_sequence();
                for sequence in [first, second] {
                    let pays = self.pays(FUNDS.0 / 2, FUNDS.0);
                    self.say(sequence, pays, now);
                }
            }
            6 if self.rotation.is_none() => {
                let key = self.scheme.key(&seed.bytes("rotated", self.dice.draw()));
                let (network, to) = (self.device.network(), self.device.address());
                let rotate = KeyRotate::new(network, &to, first, &key).expect("a whole key signs");
                self.say(first, Payload::KeyRotate(rotate), now);
                let body = self.open.last().map(|open| open.sealed.body.id());
                self.rotation = body.map(|body| (body, key));
            }
            7 => self.gaps.push(first),
            8 if !self.gaps.is_empty() => {
                self.gaps.push(first);
                let filled = self.gaps.swap_remove(self.dice.index(self.gaps.len()));
                let pays = self.pays(1, 500);
                self.say(filled, pays, now);
            }
            6 | 9 => {
                let by = self.device.address();
                let said = bazaar.says(by, now, &mut self.dice);
                self.say(first, said.clone(), now);
                if let Some(open) = self.open.last() {
                    bazaar.learn(open.sealed.body.id(), by, &said);
                }
            }
            _ => {
                let content = self.dice.bytes(20);
                self.say(first, reading(content), now);
            }
        }
    }

    /// A payment to somebody, now and then to somebody new.
    fn pays(&mut self, low: u64, high: u64) -> Payload {
        let known = self.dice.pick(&self.others).copied();
        let stranger = self.dice.bytes(32).try_into().unwrap_or([1; 32]);
        let stranger = Address::of(self.scheme.key(&stranger).public_key().id());
        let to = known.filter(|_| self.dice.chance(80)).unwrap_or(stranger);
        let amount = Amount(self.dice.between(low, high));
        let outputs = vec![Output { to, amount }];
        let made = Transfer::new(outputs, Vec::new().into());
        Payload::Transfer(made.expect("one output above zero"))
    }

    fn say(&mut self, sequence: Sequence, payload: Payload, now: Time) {
        let sealed = self.device.say(sequence, payload, now);
        self.open.push(Open { sealed, attached: Vec::new(), again: now });
    }

    fn handed(&mut self, body: &BodyId, tx: TxId) {
        if let Some(open) = self.open.iter_mut().find(|open| open.sealed.body.id() == *body) {
            open.attached.push(tx);
        }
    }

    /// What became of a submission.
    pub(crate) fn told(&mut self, now: Time, tx: &TxId, answer: &Answer) {
        let Some(open) = self.open.iter_mut().find(|open| open.attached.contains(tx)) else {
            return;
        };
        match answer {
            Answer::Attached => open.again = now + PATIENCE,
            Answer::Refused(SubmitRefusal::Refused(refusal)) => {
                panic!("an honest body was refused: {refusal}")
            }
            Answer::Refused(_) | Answer::Busy => {
                open.attached.retain(|attached| attached != tx);
                open.again = now + AGAIN;
            }
        }
    }
}

impl World {
    /// The next client begins, and goes on for `span`; says something about once in `every`.
    ///
    /// # Panics
    /// If there are no more in the genesis.
    pub fn add_client(&mut self, every: Span, span: Span) {
        let number = self.clients.len() as u64;
        assert!(number < self.settings.clients, "funds are given at the genesis");
        let others = (0..self.settings.clients).filter(|other| *other != number);
        let scheme = self.settings.scheme;
        let key = key(scheme, self.seed, number);
        self.clients.push(Client {
            device: Device::of(key, self.genesis.network()),
            scheme,
            every,
            until: self.now + span,
            open: Vec::new(),
            gaps: Vec::new(),
            rotation: None,
            others: others.map(|other| address(scheme, self.seed, other)).collect(),
            dice: self.seed.dice("client", number),
        });
        let client = self.clients.len() - 1;
        self.put(self.now + Span::from_millis(1), Happening::Client { client });
    }

    /// All clients.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// What was told final.
    pub const fn finals(&self) -> &Finals {
        &self.finals
    }

    /// A client takes its turn.
    pub(crate) fn client(&mut self, number: usize) {
        let (now, seed) = (self.now, self.seed);
        let live: Vec<usize> = (0..self.parties.len()).filter(|node| self.serves(*node)).collect();
        let Some(client) = self.clients.get_mut(number) else { return };
        client.notice(&self.finals);
        if now < client.until && client.open.len() < OPEN_MAX {
            client.act(now, seed, &mut self.bazaar);
        }
        if now >= client.until && !client.is_waiting() {
            return;
        }
        let every = client.every.as_millis();
        let wait = client.dice.between(every / 2 + 1, every + every / 2 + 1);
        let due = client.due(now, &self.finals);
        let nodes: Vec<Option<usize>> =
            due.iter().map(|_| client.dice.pick(&live).copied()).collect();
        self.put(now + Span::from_millis(wait), Happening::Client { client: number });
        for (sealed, node) in due.into_iter().zip(nodes) {
            if let Some(node) = node {
                self.hand_over(number, node, &sealed);
            }
        }
    }

    fn hand_over(&mut self, number: usize, at: usize, sealed: &SealedBody) {
        let rules = self.rules.clone();
        let seen = self.honest(at).and_then(|node| node.status());
        let seen = seen.map(|status| (status.anchor, status.tips.clone()));
        let (Some((anchor, tips)), Some(client)) = (seen, self.clients.get_mut(number)) else {
            return;
        };
        let tx = attach(sealed, &tips, anchor, &rules, &mut client.dice);
        client.handed(&sealed.body.id(), tx.id());
        self.hand_to(Issuer::Client(number), at, &tx);
    }

    /// Somebody hands a transaction to a node, and does not ask what became of it.
    pub fn hand_in(&mut self, at: usize, tx: &Transaction) {
        self.hand_to(Issuer::Nobody, at, tx);
    }

    /// Whether clients may use a node.
    fn serves(&self, number: usize) -> bool {
        self.runs(number) && self.node(number).vice().is_none()
    }

    /// Takes note of what an honest node told since.
    pub(crate) fn notice_commits(&mut self, number: usize) {
        let Party::Honest(node) = self.party(number) else { return };
        if node.vice().is_some() {
            return;
        }
        let commits = node.told().commits.get(self.finals.commits..).unwrap_or_default().to_vec();
        let stale = node.told().stale.get(node.stale_noticed..).unwrap_or_default().to_vec();
        self.finals.commits += commits.len();
        for leaf in commits.iter().flat_map(|commit| commit.leaves.iter()) {
            self.finals.bodies.entry(leaf.body).or_default().push(*leaf);
        }
        if let Some(node) = self.honest(number) {
            node.stale_noticed += stale.len();
        }
        self.finals.stale.extend(stale);
    }
}
