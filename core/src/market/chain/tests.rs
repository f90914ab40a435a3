//! The pay chain beside vectors of another implementation, and beside a chain that keeps it all.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

/// Made by `core/tests/data/pay_chain.py`.
const VECTORS: &str = include_str!("../../../tests/data/pay_chain.txt");

fn bent<const N: usize>(mut bytes: [u8; N], at: usize, bend: u8) -> [u8; N] {
    bytes[at] ^= bend;
    bytes
}

/// All elements, from the first to the secret.
fn naive(salt: &Salt, secret: [u8; 32], length: u32) -> Vec<PayWord> {
    let mut words = vec![PayWord(secret)];
    for index in (1..=length).rev() {
        let bytes = [&salt.0[..], &index.to_le_bytes(), &words.last().unwrap().0].concat();
        words.push(PayWord(crate::digest::digest(Domain::Pay, &bytes)));
    }
    words.reverse();
    words
}

#[test]
fn another_implementation_finds_the_same() {
    let mut chain: Option<(PayChain, PayRoot)> = None;
    let mut claims = 0;
    for line in VECTORS.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields.as_slice() {
            ["chain", length, salt, secret, root] => {
                let secret: PayWord = secret.parse().unwrap();
                let made = PayChain::new(salt.parse().unwrap(), secret.0, length.parse().unwrap());
                let (made, root) = (made.unwrap(), root.parse().unwrap());
                assert_eq!(made.root(), root, "{length} ticks");
                chain = Some((made, root));
            }
            ["claim", index, word, nodes @ ..] => {
                let (chain, root) = chain.as_mut().unwrap();
                let (index, word) = (index.parse().unwrap(), word.parse().unwrap());
                assert_eq!(chain.word(index), Some(word));
                let path = chain.path(index).unwrap();
                let nodes = nodes.iter().map(|node| node.parse::<PayRoot>().unwrap().0);
                assert_eq!(path.nodes(), nodes.collect::<Vec<_>>());
                assert!(claim_holds(root, chain.salt(), chain.length(), index, &word, &path));
                claims += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(claims > 80, "the file was read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is asked for in whatever order, pebbles give what a whole chain has.
    #[test]
    fn pebbles_are_a_whole_chain(
        salt in any::<[u8; 28]>(),
        secret in any::<[u8; 32]>(),
        length in prop_oneof![1_u32..40, 240_u32..800],
        asked in prop::collection::vec(any::<u32>(), 1..40),
    ) {
        let salt = Salt(salt);
        let words = naive(&salt, secret, length);
        let mut chain = PayChain::new(salt, secret, length).unwrap();
        for index in asked.into_iter().map(|index| index % (length + 1)) {
            let word = words[index as usize];
            prop_assert_eq!(chain.word(index), Some(word));
            prop_assert_eq!(descend(&salt, index, &word, 0), Some(words[0]));
        }
        prop_assert_eq!((chain.word(length + 1), chain.path(length + 1)), (None, None));
    }

    /// A claim holds at one index of one chain; its word, path or place bent, it does not.
    #[test]
    fn a_claim_holds_where_it_was_made(
        length in prop_oneof![1_u32..40, 500_u32..1_300],
        index in any::<u32>(),
        at in 0_usize..32,
        bend in 1_u8..,
    ) {
        let mut chain = PayChain::new(Salt([1; 28]), [2; 32], length).unwrap();
        let (salt, root) = (*chain.salt(), chain.root());
        let index = index % (length + 1);
        let (word, path) = (chain.word(index).unwrap(), chain.path(index).unwrap());
        prop_assert!(claim_holds(&root, &salt, length, index, &word, &path));
        let bent = |bytes| bent::<32>(bytes, at, bend);
        prop_assert!(!claim_holds(&PayRoot(bent(root.0)), &salt, length, index, &word, &path));
        let other = self::bent(salt.0, at % salt.0.len(), bend);
        prop_assert!(!claim_holds(&root, &Salt(other), length, index, &word, &path));
        prop_assert!(!claim_holds(&root, &salt, length, index, &PayWord(bent(word.0)), &path));
        prop_assert!(!claim_holds(&root, &salt, length, length + 1, &word, &path));
        for other in [index.wrapping_sub(1), index + 1, index ^ 256] {
            prop_assert!(!claim_holds(&root, &salt, length, other, &word, &path));
        }
        for other in path.nodes() {
            let mut bytes = path.to_bytes();
            let place = bytes.windows(32).position(|node| node == other).unwrap();
            bytes[place + at] ^= bend;
            let other = ClaimPath::from_bytes(&bytes).unwrap();
            prop_assert!(!claim_holds(&root, &salt, length, index, &word, &other));
        }
        prop_assert_eq!(ClaimPath::from_bytes(&path.to_bytes()), Ok(path));
    }
}

#[test]
fn lengths_and_ways_that_no_chain_has() {
    let word = PayWord([3; 32]);
    let salt = Salt([4; 28]);
    assert!(PayChain::new(salt, [0; 32], 0).is_none());
    assert!(PayChain::new(salt, [0; 32], CHAIN_MAX + 1).is_none());
    assert_eq!(descend(&salt, 5, &word, 6), None);
    assert_eq!(descend(&salt, 5, &word, 5), Some(word));
    assert_eq!(descend(&salt, CHAIN_MAX + 1, &word, CHAIN_MAX), None);
    assert_eq!([1, 256, 257, CHAIN_MAX].map(leaf_count), [1, 1, 2, 256]);
    let long = [&[9_u8][..], &[0; 9 * 32]].concat();
    assert!(ClaimPath::from_bytes(&long).is_err(), "nine nodes");
    assert!(ClaimPath::from_bytes(&[&[8][..], &[0; 8 * 32]].concat()).is_ok());
}
