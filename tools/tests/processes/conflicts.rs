//! Bodies of which only one can take effect, sent to two nodes at once: all nodes settle each pair
//! the same way, and no value is made or lost.
//!
//! `WEFT_PAIRS` says how many pairs: a few by default, so that `./check` stays quick.

use std::{collections::BTreeSet, env, time::Instant};

use futures_util::{
    StreamExt as _,
    future::{join, join_all},
    stream,
};
use weft_client::{
    Builder,
    host::{Attach, Commit, Fate, Final, NewReading, Poster, Told},
};
use weft_core::{
    address::{Address, NetworkKind},
    digest::{BodyId, KeyId, TxId},
    keys::{HostKey, Scheme, Sign as _},
    tx::{NetworkId, Output, SealedBody},
    units::{Amount, Sequence},
};
use weft_node::key_file::Seed;

use crate::support::{DEADLINE, Nodes, run};

const NODES: usize = 4;

/// Pairs on their way at once: so few that they spread over several commits. Each is a gap at most,
/// and an account keeps 256 of them.
const ON_THEIR_WAY: usize = 16;

/// Key files of the accounts that `weft init` funds, and what they own together: the supply.
const FUNDED: [&str; 5] = ["demo0.key", "demo1.key", "demo2.key", "faucet.key", "sensor.key"];
const SUPPLY: u128 = 1_000_000_000_000;

fn pairs() -> u64 {
    env::var("WEFT_PAIRS").map_or(60, |count| count.parse().unwrap())
}

/// A network whose registrations cost little work, with one poster at each node.
struct Arena {
    nodes: Nodes,
    posters: Vec<Poster>,
    network: NetworkId,
}

/// An account that signs whatever it is told, twice under one sequence too.
struct Payer {
    key: HostKey,
    builder: Builder,
}

/// Two bodies of which only one can take effect, and the nodes that they are sent to.
struct Pair {
    bodies: [SealedBody; 2],
    at: [usize; 2],
}

/// What became of the two, as the nodes tell it that they were sent to.
struct Ended {
    bodies: [BodyId; 2],
    fates: [Fate; 2],
}

impl Arena {
    async fn start() -> Self {
        let nodes = Nodes::start_all_with_little_work(NODES);
        // Both ways to attach; whose key a poster has does not matter to what is sealed already.
        let ways = [Attach::Here, Attach::AtNode].into_iter().cycle();
        let posters = (0..NODES).zip(ways).map(|(at, way)| nodes.poster(at, 1, way));
        let posters = join_all(posters).await;
        let network = posters[0].network();
        Self { nodes, posters, network }
    }

    fn payer(&self, key: HostKey) -> Payer {
        let builder = Builder::new(self.network, Address::of(key.public_key().id()));
        Payer { key, builder }
    }

    /// The accounts that the genesis funds.
    fn funded(&self) -> Vec<Payer> {
        let folder = self.nodes.dir().join("net");
        let key = |name| Seed::load(&folder.join(name)).unwrap().key().unwrap();
        FUNDED.iter().map(|name| self.payer(key(name))).collect()
    }

    /// Registers accounts with a first reading each, and waits until all nodes have executed that.
    async fn register(&self, payers: &[Payer]) {
        let registered = stream::iter(payers).enumerate().map(async |(turn, payer)| {
            let NewReading { stream, content_type, bytes, .. } = NewReading::text("load", "first");
            let draft = payer.builder.reading(Sequence(0), &stream, content_type, bytes).unwrap();
            self.apply(turn % NODES, draft.seal(&payer.key).unwrap()).await
        });
        let commits: Vec<_> = registered.buffer_unordered(ON_THEIR_WAY).collect().await;
        self.nodes.reach(commits.into_iter().max().unwrap()).await;
    }

    /// Sends a body, which must take effect; gives the commit in which it does.
    async fn apply(&self, at: usize, sealed: SealedBody) -> u64 {
        self.posters[at].send(&sealed).await.unwrap();
        let fate = self.finish(at, sealed.body.id()).await;
        assert_eq!(code(&fate), "applied");
        fate.commit.unwrap()
    }

    async fn finish(&self, at: usize, body: BodyId) -> Fate {
        match self.posters[at].finish(body, DEADLINE).await.unwrap() {
            Final::Outcome(fate) => *fate,
            Final::Expired => panic!("{body} had no end of time"),
        }
    }

    /// Sends both at the same moment, and follows them to their outcomes.
    async fn fight(&self, Pair { bodies: [one, other], at: [here, there] }: Pair) -> Ended {
        let sent = join(self.posters[here].send(&one), self.posters[there].send(&other)).await;
        sent.0.and(sent.1).unwrap();
        let bodies = [one.body.id(), other.body.id()];
        let fates = join(self.finish(here, bodies[0]), self.finish(there, bodies[1])).await;
        Ended { bodies, fates: fates.into() }
    }

    /// Lets all pairs fight, many at once.
    async fn fight_all(&self, pairs: impl Iterator<Item = Pair>) -> Vec<Ended> {
        let fights = stream::iter(pairs).map(|pair| self.fight(pair));
        fights.buffer_unordered(ON_THEIR_WAY).collect().await
    }

    /// Fails unless all nodes tell the same of each body and have the same commits. Gives the last
    /// commit that settled something.
    async fn agree(&self, ended: &[Ended]) -> Commit {
        let last = ended.iter().flat_map(|ended| &ended.fates).filter_map(|fate| fate.commit).max();
        let last = last.unwrap();
        self.nodes.reach(last).await;
        let mut commits = Vec::new();
        for index in 0..NODES {
            let client = self.nodes.client(index);
            let told = stream::iter(ended).map(async |Ended { bodies, fates }| {
                for (body, fate) in bodies.iter().zip(fates) {
                    let told = client.body(*body).await.unwrap().fate;
                    assert_eq!(verdict(&told), verdict(fate), "{body} on node {index}");
                }
            });
            told.buffer_unordered(ON_THEIR_WAY).collect::<()>().await;
            commits.push(client.commit(Some(last)).await.unwrap());
        }
        assert!(commits.iter().all(|commit| commit.id == commits[0].id), "{commits:?}");
        commits.swap_remove(0)
    }

    /// Fails unless `touched` own the supply together, on every node.
    async fn hold_the_supply(&self, touched: &BTreeSet<Address>) {
        for index in 0..NODES {
            let client = self.nodes.client(index);
            let balances = stream::iter(touched).map(async |address| {
                let account = client.account(&address.text(NetworkKind::Test)).await.unwrap();
                account.ledger.balance.parse::<u128>().unwrap()
            });
            let balances: Vec<_> = balances.buffer_unordered(ON_THEIR_WAY).collect().await;
            assert_eq!(balances.iter().sum::<u128>(), SUPPLY, "node {index}");
        }
    }
}

impl Payer {
    fn address(&self) -> Address {
        self.builder.issuer()
    }

    fn pays(&self, sequence: u64, outputs: Vec<Output>) -> SealedBody {
        let draft = self.builder.transfer(Sequence(sequence), outputs, []).unwrap();
        draft.seal(&self.key).unwrap()
    }
}

fn output(to: Address, amount: u64) -> Output {
    Output { to, amount: Amount(amount) }
}

/// An account that only receives: nobody needs its key.
fn receiver(number: u8) -> Address {
    Address::of(KeyId([number; 32]))
}

/// Two different nodes, each couple of them in turn.
fn two_nodes(turn: u64) -> [usize; 2] {
    let turn = usize::try_from(turn).unwrap();
    let (here, further) = (turn % NODES, turn / NODES % (NODES - 1));
    [here, (here + 1 + further) % NODES]
}

fn code(fate: &Fate) -> &str {
    fate.outcome.as_ref().map_or("", |told: &Told| told.code.as_str())
}

/// What all nodes must tell alike: all but how far certificates have come.
fn verdict(fate: &Fate) -> (&str, Option<u64>, Option<u32>, Option<&str>) {
    (code(fate), fate.commit, fate.leaf, fate.winner.as_deref())
}

impl Ended {
    /// Which of the two took effect; fails unless the other ended with `lost`.
    fn winner(&self, lost: &str) -> usize {
        let codes = [code(&self.fates[0]), code(&self.fates[1])];
        let winner = codes.iter().position(|code| *code == "applied");
        let winner = winner.unwrap_or_else(|| panic!("none of {codes:?}"));
        assert_eq!(codes[1 - winner], lost, "{codes:?}");
        winner
    }

    fn is_of_one_commit(&self) -> bool {
        self.fates[0].commit == self.fates[1].commit
    }
}

/// One line for people.
fn report(what: &str, started: Instant, ended: &[Ended], lost: &str, commit: &Commit) {
    let (count, took) = (ended.len(), started.elapsed());
    let first = ended.iter().filter(|ended| ended.winner(lost) == 0).count();
    let together = ended.iter().filter(|ended| ended.is_of_one_commit()).count();
    let (index, id) = (commit.index, &commit.id);
    println!(
        "{count} pairs {what}: {count} applied ({first} the first of the two), {count} {lost}, \
         {together} pairs within one commit; sent, settled and compared in {took:?}; \
         commit {index} is {id} on all {NODES} nodes; supply {SUPPLY} on all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bodies_of_one_sequence_sent_to_two_nodes_at_once() {
    let arena = Arena::start().await;
    let payers = arena.funded();
    arena.register(&payers).await;
    let touched = payers.iter().map(Payer::address).chain((0..3).map(receiver)).collect();

    let started = Instant::now();
    let ended = arena.fight_all((0..pairs()).map(|turn| {
        let (payer, sequence) = (&payers[usize::try_from(turn % 4).unwrap()], 1 + turn / 4);
        // In turn: another amount, another receiver.
        let [one, other] = match turn / 4 % 2 {
            0 => [output(receiver(0), 1_000 + turn), output(receiver(0), 500_000 + turn)],
            _ => [output(receiver(1), 5_000), output(receiver(2), 5_000)],
        };
        let bodies = [payer.pays(sequence, vec![one]), payer.pays(sequence, vec![other])];
        Pair { bodies, at: two_nodes(turn) }
    }));
    let ended = ended.await;

    let commit = arena.agree(&ended).await;
    let client = arena.nodes.client(0);
    for pair in &ended {
        let winner = pair.winner("seq_used");
        assert_eq!(pair.fates[winner].winner, None);
        let named: TxId = pair.fates[1 - winner].winner.as_deref().unwrap().parse().unwrap();
        assert_eq!(client.transaction(named).await.unwrap().body, pair.bodies[winner]);
    }
    // People see it too.
    let (lost, url) = (ended[0].bodies[1 - ended[0].winner("seq_used")], arena.nodes.url(3));
    let text = run(arena.nodes.dir(), &["get", &lost.to_string(), "--node", &url]).ok();
    let named = ended[0].fates.iter().find_map(|fate| fate.winner.as_deref()).unwrap();
    assert!(text.contains(&format!("winner       {named}")), "{text}");
    arena.hold_the_supply(&touched).await;
    report("of one sequence", started, &ended, "seq_used", &commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sequences_that_together_overspend() {
    const BALANCE: u64 = 10_000;
    const OUTPUTS_MAX: usize = 64;
    let arena = Arena::start().await;
    let funded = arena.funded();
    arena.register(&funded[..1]).await;
    let payers: Vec<_> = (0..pairs())
        .map(|turn| {
            let mut seed = [0xee; Scheme::SEED_BYTES];
            seed[..8].copy_from_slice(&turn.to_le_bytes());
            arena.payer(HostKey::from_seed(Scheme::MlDsa44, &seed).unwrap())
        })
        .collect();
    for (sequence, payers) in (1..).zip(payers.chunks(OUTPUTS_MAX)) {
        let outputs = payers.iter().map(|payer| output(payer.address(), BALANCE)).collect();
        arena.apply(0, funded[0].pays(sequence, outputs)).await;
    }
    arena.register(&payers).await;
    let accounts = funded.iter().chain(&payers).map(Payer::address);
    let touched = accounts.chain((0..2).map(receiver)).collect();

    let started = Instant::now();
    let ended = arena.fight_all((0..).zip(&payers).map(|(turn, payer)| {
        // More than half of it, each.
        let more = turn % (BALANCE / 2);
        let bodies = [
            payer.pays(1, vec![output(receiver(0), BALANCE / 2 + 1 + more)]),
            payer.pays(2, vec![output(receiver(1), BALANCE - more)]),
        ];
        Pair { bodies, at: two_nodes(turn) }
    }));
    let ended = ended.await;

    let commit = arena.agree(&ended).await;
    arena.hold_the_supply(&touched).await;
    report("that together overspend", started, &ended, "insufficient", &commit);
}
