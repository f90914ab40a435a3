//! A signer for ML-DSA-44 that breaks the rules on purpose. Slow, leaky, only for tests.
//!
//! Follows FIPS 204 line by line with schoolbook code of its own, so that it shares no mistake with
//! a library; its keys are checked against theirs. The numbers of algorithms are those of FIPS 204.

use sha3::{
    Shake128, Shake256,
    digest::{ExtendableOutput as _, Update as _, XofReader},
};
use weft_core::keys::Scheme;

const Q: i64 = 8_380_417;
const GAMMA1: i64 = 1 << 17;
const GAMMA2: i64 = (Q - 1) / 88;
const BETA: i64 = 78;
const TAU: usize = 39;
const OMEGA: usize = 80;

type Polynomial = [i64; 256];
type Vector = [Polynomial; 4];
const ZERO: Vector = [[0; 256]; 4];

/// A key in the hands of someone who wants nodes to disagree.
pub(crate) struct Rogue {
    /// The public half, encoded as for schemes 1 and 3.
    pub(crate) key: Vec<u8>,
    matrix: [Vector; 4],
    s1: Vector,
    s2: Vector,
    t0: Vector,
}

/// Which value is committed to where a hint stands at r0 = 0.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Rounding {
    /// One less, as `UseHint` has it: the signature is valid.
    Down,
    /// One more, as some AVX2 code has it: the signature is not valid.
    Up,
}

impl Rogue {
    /// Algorithm 6: the same key as every library makes.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        let mut seeds = shake(&[&seed, &[4, 4]]);
        let (rho, rho_prime) = (take::<32>(&mut seeds), take::<64>(&mut seeds));
        let matrix = [0, 1, 2, 3].map(|row| [0, 1, 2, 3].map(|column| uniform(&rho, row, column)));
        let s1 = [0, 1, 2, 3].map(|index| short(&rho_prime, index));
        let s2 = [4, 5, 6, 7].map(|index| short(&rho_prime, index));
        let (mut t1, mut t0) = (ZERO, ZERO);
        let t = product(&matrix, &s1);
        for (row, at) in coefficients() {
            let sum = (t[row][at] + s2[row][at]).rem_euclid(Q);
            t0[row][at] = centered(sum, 1 << 13);
            t1[row][at] = (sum - t0[row][at]) >> 13;
        }
        let key = [&rho[..], &pack(t1.as_flattened(), 10)].concat();
        Self { key, matrix, s1, s2, t0 }
    }

    /// A signature that verifies but for z, which is too long (Algorithm 8, step 13).
    pub(crate) fn overlong(&self, scheme: Scheme, message: &[u8]) -> Vec<u8> {
        let mu = self.representative(scheme, message);
        (0..)
            .find_map(|attempt| {
                let (y, w) = self.commit(&mu, attempt);
                let w1 = w.map(|row| row.map(|value| decompose(value).0));
                let (z, signature) = self.answer(&mu, &y, &w, &w1, None)?;
                (norm(&z) >= GAMMA1 - BETA).then_some(signature)
            })
            .unwrap()
    }

    /// A message and a signature over it with a hint at r0 = 0: one commitment, tried with messages
    /// until that happens, about one in 100,000.
    pub(crate) fn at_zero(&self, scheme: Scheme, rounding: Rounding) -> (Vec<u8>, Vec<u8>) {
        let (y, w) = self.commit(&[], 0);
        let mut w1 = w.map(|row| row.map(|value| decompose(value).0));
        let (row, at) =
            coefficients().min_by_key(|(row, at)| decompose(w[*row][*at]).1.abs()).unwrap();
        let step = if rounding == Rounding::Down { 43 } else { 1 };
        w1[row][at] = (w1[row][at] + step) % 44;
        (0_u64..)
            .find_map(|attempt| {
                let message = attempt.to_le_bytes();
                let mu = self.representative(scheme, &message);
                let c = challenge(&commitment_hash(&mu, &w1));
                let moved =
                    w[row][at] - times_at(&c, &self.s2[row], at) + times_at(&c, &self.t0[row], at);
                if decompose(moved.rem_euclid(Q)).1 != 0 {
                    return None;
                }
                let (z, signature) = self.answer(&mu, &y, &w, &w1, Some((row, at)))?;
                (norm(&z) < GAMMA1 - BETA).then(|| (message.to_vec(), signature))
            })
            .unwrap()
    }

    /// Algorithm 7, step 6; the prefix of Algorithm 2 only for scheme 1.
    fn representative(&self, scheme: Scheme, message: &[u8]) -> [u8; 64] {
        let prefix: &[u8] = if scheme == Scheme::MlDsa44 { &[0, 0] } else { &[] };
        let tr = take::<64>(&mut shake(&[&self.key]));
        take(&mut shake(&[&tr, prefix, message]))
    }

    /// A mask y and w = A y (Algorithm 7, steps 11 and 12).
    fn commit(&self, mu: &[u8], attempt: u16) -> (Vector, Vector) {
        let y = [0_u8, 1, 2, 3].map(|row| {
            let bytes = take::<576>(&mut shake(&[b"mask", mu, &attempt.to_le_bytes(), &[row]]));
            let bit = |at: usize| i64::from(bytes[at / 8] >> (at % 8) & 1);
            core::array::from_fn(|at| {
                GAMMA1 - (0..18).map(|place| bit(at * 18 + place) << place).sum::<i64>()
            })
        });
        (y, product(&self.matrix, &y))
    }

    /// The rest of Algorithm 7 without its rejections: z, and the signature that claims `w1`. The
    /// hint is forced where `forced` says. `None` if it cannot be encoded.
    fn answer(
        &self,
        mu: &[u8; 64],
        y: &Vector,
        w: &Vector,
        w1: &Vector,
        forced: Option<(usize, usize)>,
    ) -> Option<(Vector, Vec<u8>)> {
        let hash = commitment_hash(mu, w1);
        let c = challenge(&hash);
        let (mut z, mut hints) = (ZERO, Vec::new());
        let mut counts = [0; 4];
        for (row, at) in coefficients() {
            z[row][at] = y[row][at] + times_at(&c, &self.s1[row], at);
            let moved =
                w[row][at] - times_at(&c, &self.s2[row], at) + times_at(&c, &self.t0[row], at);
            let (high, low) = decompose(moved.rem_euclid(Q));
            let hinted = (high + if low > 0 { 1 } else { 43 }) % 44;
            if forced == Some((row, at)) || (high != w1[row][at] && hinted == w1[row][at]) {
                hints.push(at as u8);
            } else if high != w1[row][at] {
                return None;
            }
            counts[row] = hints.len() as u8;
        }
        let encodable = z.as_flattened().iter().all(|value| (1 - GAMMA1..=GAMMA1).contains(value));
        if !encodable || hints.len() > OMEGA {
            return None;
        }
        hints.resize(OMEGA, 0);
        let stored: Vec<i64> = z.as_flattened().iter().map(|value| GAMMA1 - value).collect();
        Some((z, [&hash[..], &pack(&stored, 18), &hints, &counts].concat()))
    }
}

fn coefficients() -> impl Iterator<Item = (usize, usize)> {
    (0..4).flat_map(|row| (0..256).map(move |at| (row, at)))
}

fn norm(z: &Vector) -> i64 {
    z.as_flattened().iter().map(|value| value.abs()).max().unwrap()
}

fn shake(parts: &[&[u8]]) -> impl XofReader + use<> {
    let mut hasher = Shake256::default();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize_xof()
}

fn take<const N: usize>(reader: &mut impl XofReader) -> [u8; N] {
    let mut bytes = [0; N];
    reader.read(&mut bytes);
    bytes
}

fn pack(values: &[i64], bits: usize) -> Vec<u8> {
    let mut bytes = vec![0; values.len() * bits / 8];
    for place in 0..values.len() * bits {
        bytes[place / 8] |= ((values[place / bits] >> (place % bits) & 1) as u8) << (place % 8);
    }
    bytes
}

/// `value` modulo `modulus`, in (-modulus / 2, modulus / 2].
fn centered(value: i64, modulus: i64) -> i64 {
    let rest = value.rem_euclid(modulus);
    if rest > modulus / 2 { rest - modulus } else { rest }
}

/// Algorithm 36.
fn decompose(value: i64) -> (i64, i64) {
    let low = centered(value, 2 * GAMMA2);
    if value - low == Q - 1 { (0, low - 1) } else { ((value - low) / (2 * GAMMA2), low) }
}

/// Algorithm 7, step 15: the hash of the message and of what is committed to.
fn commitment_hash(mu: &[u8; 64], w1: &Vector) -> [u8; 32] {
    take(&mut shake(&[mu, &pack(w1.as_flattened(), 6)]))
}

/// Algorithm 29, as positions and signs.
fn challenge(hash: &[u8; 32]) -> Vec<(usize, i64)> {
    let mut bytes = shake(&[hash]);
    let signs = u64::from_le_bytes(take(&mut bytes));
    let mut c = [0; 256];
    for (turn, last) in (256 - TAU..256).enumerate() {
        let at = loop {
            let [byte] = take(&mut bytes);
            if usize::from(byte) <= last {
                break usize::from(byte);
            }
        };
        c[last] = c[at];
        c[at] = 1 - 2 * (signs >> turn & 1) as i64;
    }
    c.into_iter().enumerate().filter(|(_, sign)| *sign != 0).collect()
}

/// One coefficient of c times `factor`, modulo X^256 + 1.
fn times_at(c: &[(usize, i64)], factor: &Polynomial, at: usize) -> i64 {
    let term = |(shift, sign): &(usize, i64)| {
        if *shift <= at { sign * factor[at - shift] } else { -sign * factor[256 + at - shift] }
    };
    c.iter().map(term).sum()
}

/// Algorithm 30: an element of the matrix, already transformed.
fn uniform(rho: &[u8; 32], row: u8, column: u8) -> Polynomial {
    let mut bytes = Shake128::default().chain(rho).chain([column, row]).finalize_xof();
    core::array::from_fn(|_| {
        loop {
            let [low, middle, high] = take(&mut bytes);
            let value = i64::from(u32::from_le_bytes([low, middle, high & 0x7f, 0]));
            if value < Q {
                break value;
            }
        }
    })
}

/// Algorithm 31: coefficients from -2 to 2.
fn short(rho_prime: &[u8; 64], index: u16) -> Polynomial {
    let mut bytes = shake(&[rho_prime, &index.to_le_bytes()]);
    let mut waiting = Vec::new();
    core::array::from_fn(|_| {
        loop {
            let half = waiting.pop().unwrap_or_else(|| {
                let [byte] = take(&mut bytes);
                waiting.push(byte >> 4);
                byte & 0x0f
            });
            if half < 15 {
                break 2 - i64::from(half % 5);
            }
        }
    })
}

/// A times `vector`, by transform.
fn product(matrix: &[Vector; 4], vector: &Vector) -> Vector {
    let zetas = zetas();
    let vector = vector.map(|row| transform(row, &zetas));
    let row = |factors: &Vector| {
        let sum =
            |at| (0..4).map(|column| factors[column][at] * vector[column][at] % Q).sum::<i64>();
        transform_back(core::array::from_fn(|at| sum(at) % Q), &zetas)
    };
    [row(&matrix[0]), row(&matrix[1]), row(&matrix[2]), row(&matrix[3])]
}

fn power(mut base: i64, mut exponent: u32) -> i64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % Q;
        }
        base = base * base % Q;
        exponent >>= 1;
    }
    result
}

/// 1753 to the reversed bits of each index (FIPS 204 section 7.5).
fn zetas() -> [i64; 256] {
    core::array::from_fn(|index| power(1_753, u32::from((index as u8).reverse_bits())))
}

/// Algorithm 41.
fn transform(mut values: Polynomial, zetas: &[i64; 256]) -> Polynomial {
    let mut next = 0;
    for length in [128, 64, 32, 16, 8, 4, 2, 1] {
        for start in (0..256).step_by(2 * length) {
            next += 1;
            for at in start..start + length {
                let turned = zetas[next] * values[at + length] % Q;
                values[at + length] = (values[at] - turned).rem_euclid(Q);
                values[at] = (values[at] + turned).rem_euclid(Q);
            }
        }
    }
    values
}

/// Algorithm 42.
fn transform_back(mut values: Polynomial, zetas: &[i64; 256]) -> Polynomial {
    let mut next = 256;
    for length in [1, 2, 4, 8, 16, 32, 64, 128] {
        for start in (0..256).step_by(2 * length) {
            next -= 1;
            for at in start..start + length {
                let (low, high) = (values[at], values[at + length]);
                values[at] = (low + high).rem_euclid(Q);
                values[at + length] = ((high - low) * zetas[next]).rem_euclid(Q);
            }
        }
    }
    let scale = power(256, Q as u32 - 2);
    values.map(|value| value * scale % Q)
}
