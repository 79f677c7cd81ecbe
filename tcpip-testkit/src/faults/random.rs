//! What is drawn by lot, and drawn the same again.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

/// Returns the seed of this run of the program: what the environment variable `TCPIP_SEED` says, else one that is
/// drawn, for all who ask.
///
/// It is printed, so that a test that fails shows it. With that seed in the variable, the same is drawn again.
///
/// # Panics
///
/// If `TCPIP_SEED` is set and no number.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::{faults::{self, Fault}, seed};
///
/// let noise = faults::flip_bits(1).probability(0.01, seed());
/// # let _: &dyn Fault = &noise;
/// ```
#[must_use]
pub fn seed() -> u64 {
    static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
    let seed = match std::env::var("TCPIP_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("TCPIP_SEED is no number: {text:?}")),
        Err(_) => *DRAWN,
    };
    println!("TCPIP_SEED={seed}");
    seed
}

/// Numbers that are the same for the same seed, on every system and in every version: `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        u64::try_from(product >> 64).expect("it is below the limit")
    }

    /// Whether this is one of `p`.
    pub(super) fn is_one_of(&mut self, p: Probability) -> bool {
        const BITS: u32 = 53;
        #[expect(clippy::cast_precision_loss, reason = "so many bits have room")]
        let drawn = (self.next() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
        drawn < p.0
    }
}

/// From 0, never, to 1, always.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Probability(f64);

impl Probability {
    /// # Panics
    ///
    /// If it is none.
    #[track_caller]
    pub(super) fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "a probability is between 0 and 1: {p}");
        Self(p)
    }

    /// Whether the one with this number is drawn, whoever is drawn before.
    pub(super) fn draws(self, seed: u64, number: u64) -> bool {
        let drawn = Random::new(seed).next() ^ number;
        Random::new(drawn).is_one_of(self)
    }

    pub(super) fn is_certain(self) -> bool {
        self.0 >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// The numbers of the published algorithm: a seed that was noted years ago still draws the same.
    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let numbers = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.next(), random.next(), random.next()], numbers);
    }

    /// One of 0 is never drawn, one of 1 always, others as often as they say.
    #[test]
    fn probabilities_are_kept() {
        let mut random = Random::new(7);
        for (p, least, most) in [(0.0, 0, 0), (1.0, 10_000, 10_000), (0.3, 2800, 3200), (0.01, 70, 130)] {
            let p = Probability::new(p);
            let drawn = (0..10_000).filter(|_| random.is_one_of(p)).count();
            assert!((least..=most).contains(&drawn), "{p:?}: {drawn}");
        }
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(1), 0);
    }

    /// The variable gives all the same seed, so that is what they had before.
    #[test]
    fn all_have_the_seed_of_the_run() {
        assert_eq!(seed(), seed());
    }

    /// What the variable says is the seed, and is shown; what is no number is told. In a process of its own, which has
    /// an environment of its own.
    #[test]
    fn the_variable_says_the_seed() {
        let run = |seed| {
            let mut tests = Command::new(std::env::current_exe().unwrap());
            tests.args(["--exact", "faults::random::tests::all_have_the_seed_of_the_run", "--nocapture"]);
            tests.env("TCPIP_SEED", seed).output().unwrap()
        };
        let drawn = run("42");
        let said = String::from_utf8_lossy(&drawn.stdout);
        assert!(drawn.status.success() && said.contains("TCPIP_SEED=42\n"), "{said}");
        let nonsense = run("many");
        let said = String::from_utf8_lossy(&nonsense.stderr);
        assert!(!nonsense.status.success() && said.contains("TCPIP_SEED is no number: \"many\""), "{said}");
    }

    /// What is no probability is told where it is given.
    #[test]
    fn a_probability_is_between_0_and_1() {
        for p in [-0.1, 1.1, f64::NAN] {
            std::panic::catch_unwind(|| Probability::new(p)).unwrap_err();
        }
    }
}
