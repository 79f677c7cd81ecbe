//! What no server understands.

/// Numbers that are drawn from a seed (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, below: usize) -> usize {
        let below = u64::try_from(below).expect("no more than the memory has").max(1);
        usize::try_from(self.next() % below).expect("it is below one")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// One lot of garbage: bytes of all kinds, printable ones, a command that is damaged, or far too much of one byte.
pub(super) fn garbage(random: &mut Random, commands: &[Vec<u8>]) -> Vec<u8> {
    let command = &commands[random.below(commands.len())];
    // What ends a command, as likely as not.
    let end = &command[command.len() - random.below(3).min(command.len())..];
    let length = 1 + random.below(60);
    match random.below(5) {
        0 => (0..length).map(|_| random.byte()).chain(end.iter().copied()).collect(),
        1 => (0..length).map(|_| b' ' + random.byte() % 95).chain(end.iter().copied()).collect(),
        2 => vec![random.byte(); 70_000],
        damage => {
            let mut damaged = command.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(damaged.len());
                match (random.below(3), damage) {
                    (0, _) if damaged.len() > 1 => drop(damaged.remove(at)),
                    (1, _) => damaged.insert(at, random.byte()),
                    (_, 3) => damaged[at] ^= 1 << random.below(8),
                    _ => damaged[at] = b'0' + random.byte() % 10,
                }
            }
            damaged
        }
    }
}
