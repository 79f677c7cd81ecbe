//! Tests of many requests, which are the same each time.

/// How many requests such a test makes.
pub(crate) fn requests() -> u32 {
    std::env::var("TCPIP_REQUESTS").map_or(2000, |count| count.parse().expect("TCPIP_REQUESTS is a number"))
}

/// Numbers that are drawn from a seed.
pub(crate) struct Random(pub(crate) u32);

impl Random {
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % below
    }
}
