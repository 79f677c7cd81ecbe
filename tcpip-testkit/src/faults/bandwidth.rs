//! A link that is slow.

use std::{str::FromStr, time::Duration};

use tokio::time::Instant;

use super::{At, Event, Fault, Out, lanes::Lanes};

/// Into how many pieces a chunk is cut at most.
const MOST_PIECES: usize = 4096;

/// A slow link: see [`bandwidth`] and [`baud`].
///
/// A serial line is one that is [parsed](str::parse), too: its baud, then data bits (5 to 9), parity (N, E, O, M or S)
/// and stop bits (1, 1.5 or 2), as devices' manuals write them. `"9600 8N1"` is the same as `baud(9600)`.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults::{Bandwidth, UnknownLine};
///
/// # fn main() -> Result<(), UnknownLine> {
/// let line: Bandwidth = "9600 7E1".parse()?;
/// # let _ = line;
/// for nonsense in ["9600", "9600 baud", "9600 8X1", "0 8N1"] {
///     let error: UnknownLine = nonsense.parse::<Bandwidth>().unwrap_err();
///     assert_eq!(error.to_string(), format!("{nonsense:?} is no serial line such as \"9600 8N1\""));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bandwidth {
    /// So many bytes,
    bytes: u64,
    /// take so many seconds.
    seconds: u64,
    sending: Lanes<Option<Sending>>,
}

/// Bytes that follow each other without a pause.
#[derive(Debug)]
struct Sending {
    since: Instant,
    bytes: u64,
}

/// Each direction of each session carries `bytes_per_second`. A byte comes when it has been transmitted as a whole; up
/// to a millisecond's worth of them comes at once. For a serial line there are [`baud`] and `"9600 8N1".parse()`.
///
/// # Panics
///
/// If it is 0.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults;
///
/// let megabit = faults::bandwidth(1_000_000 / 8);
/// # let _: &dyn faults::Fault = &megabit;
/// ```
#[must_use]
#[track_caller]
pub fn bandwidth(bytes_per_second: u64) -> Bandwidth {
    Bandwidth::new(bytes_per_second, 1)
}

/// A serial line of so many bits in a second, with 8 data bits, no parity and 1 stop bit: 10 bits for each byte, so
/// `baud(9600)` carries 960 bytes per second in each direction. `"9600 8N1".parse()` makes the same [`Bandwidth`], and
/// `"9600 7E1".parse()` that of a line with other bits.
///
/// # Panics
///
/// If it is 0.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults::{self, Bandwidth};
///
/// # fn main() -> Result<(), faults::UnknownLine> {
/// let serial = faults::baud(9600);
/// let the_same = "9600 8N1".parse::<Bandwidth>()?;
/// assert!("9600 8X1".parse::<Bandwidth>().is_err()); // there is no such parity
/// # let _: [&dyn faults::Fault; 2] = [&serial, &the_same];
/// # Ok(())
/// # }
/// ```
#[must_use]
#[track_caller]
pub fn baud(bits_per_second: u64) -> Bandwidth {
    Bandwidth::new(bits_per_second, 10)
}

impl Bandwidth {
    #[track_caller]
    fn new(bytes: u64, seconds: u64) -> Self {
        assert!(bytes > 0, "a link without any bandwidth is a stall");
        Self { bytes, seconds, sending: Lanes::default() }
    }

    /// On which a byte takes so long.
    #[cfg(test)]
    pub(super) fn of_milliseconds(each: u64) -> Self {
        Self::new(1000, each)
    }

    /// How long so many bytes take.
    fn time(&self, bytes: u64) -> Duration {
        const NANOSECONDS: u128 = 1_000_000_000;
        let nanoseconds = u128::from(bytes) * u128::from(self.seconds) * NANOSECONDS;
        let nanoseconds = nanoseconds.div_ceil(u128::from(self.bytes));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many of so many bytes come at once.
    fn piece(&self, length: usize) -> usize {
        let in_a_millisecond = usize::try_from(self.bytes / self.seconds / 1000).unwrap_or(usize::MAX);
        in_a_millisecond.max(length.div_ceil(MOST_PIECES)).max(1)
    }

    fn chunk(&mut self, bytes: &[u8], at: At, out: &mut Out<'_>) {
        let sending = self.sending.of(at).take().filter(|sending| sending.since + self.time(sending.bytes) > at.now);
        let mut sending = sending.unwrap_or(Sending { since: at.now, bytes: 0 });
        for piece in bytes.chunks(self.piece(bytes.len())) {
            sending.bytes += piece.len() as u64;
            out.send_after(sending.since + self.time(sending.bytes) - at.now, piece);
        }
        *self.sending.of(at) = Some(sending);
    }
}

impl Fault for Bandwidth {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => return self.chunk(bytes, at, out),
            Event::Reset | Event::Removed | Event::Closed => drop(self.sending.take(at)),
            _ => {}
        }
        out.pass(event);
    }
}

impl FromStr for Bandwidth {
    type Err = UnknownLine;

    fn from_str(text: &str) -> Result<Self, UnknownLine> {
        Self::of_line(text).ok_or_else(|| UnknownLine { text: text.to_owned() })
    }
}

impl Bandwidth {
    fn of_line(text: &str) -> Option<Self> {
        let (baud, line) = text.trim().split_once(char::is_whitespace)?;
        let baud = baud.parse::<u64>().ok().filter(|baud| (1..=u64::MAX / 2).contains(baud))?;
        let mut characters = line.trim().chars();
        let data = characters.next().filter(|bits| ('5'..='9').contains(bits))?.to_digit(10)?;
        let parity = match characters.next()?.to_ascii_uppercase() {
            'N' => 0,
            'E' | 'O' | 'M' | 'S' => 1,
            _ => return None,
        };
        let halves_of_stop_bits = match characters.as_str() {
            "1" => 2,
            "1.5" => 3,
            "2" => 4,
            _ => return None,
        };
        let start = 1;
        Some(Self::new(2 * baud, u64::from(2 * (start + data + parity) + halves_of_stop_bits)))
    }
}

/// A text is no serial line such as `9600 8N1`: the error of [parsing](str::parse) a [`Bandwidth`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no serial line such as \"9600 8N1\"")]
pub struct UnknownLine {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of so many baud is the same however it is written.
    #[test]
    fn a_serial_line_may_be_written_in_two_ways() {
        for bits in [1, 9600, 115_200, 1_000_000_007] {
            let (line, parsed) = (baud(bits), format!("{bits} 8N1").parse::<Bandwidth>().unwrap());
            for bytes in [1, 7, 1000, 1_000_000_000] {
                assert_eq!(line.time(bytes), parsed.time(bytes), "{bits} baud");
            }
            assert_eq!(line.piece(10_000), parsed.piece(10_000), "{bits} baud");
        }
    }

    /// A line says how long a byte takes: start bit, data, parity and stop bits.
    #[test]
    fn a_serial_line_says_how_long_a_byte_takes() {
        for (line, microseconds) in [
            ("9600 8N1", 1042),
            ("1000 8N1", 10_000),
            ("1000 7E1", 10_000),
            ("1000  5O1.5 ", 8500),
            ("1000 8n2", 11_000),
            ("1000 9M2", 13_000),
        ] {
            let line: Bandwidth = line.parse().unwrap();
            assert_eq!(line.time(1).as_nanos().div_ceil(1000), microseconds, "{line:?}");
        }
        for text in
            ["", "9600", "9600 8", "9600 8N", "9600 8N3", "9600 4N1", "0 8N1", "-1 8N1", "9600 8X1", "9600 8N1 x"]
        {
            assert_eq!(
                text.parse::<Bandwidth>().unwrap_err().to_string().matches("no serial line").count(),
                1,
                "{text}"
            );
        }
    }
}
