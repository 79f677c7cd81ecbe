//! Tests of many requests, which are the same each time.

/// How many requests such a test makes.
pub(crate) fn requests() -> u32 {
    number("TCPIP_REQUESTS", 2000)
}

/// How much a test is to do: what a variable of the environment says, or else what takes little time.
pub(crate) fn number(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |number| {
        number.parse().unwrap_or_else(|error| panic!("{variable} is no number, {number}: {error}"))
    })
}

/// Numbers that are drawn from a seed.
pub(crate) struct Random(pub(crate) u32);

impl Random {
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % below
    }
}
