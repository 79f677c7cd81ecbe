//! Bytes that are not what was sent.

use super::{At, Event, Fault, Out, custom, random::Random};

/// Flipped bits: see [`flip_bits`].
#[derive(Debug)]
pub struct FlipBits {
    count: usize,
    random: Random,
}

/// In each chunk, so many bits are flipped: all of them if it has no more. Within [`messages`](super::messages), in
/// each message.
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
pub fn flip_bits(count: usize) -> FlipBits {
    FlipBits { count, random: Random::new(0) }
}

impl FlipBits {
    /// Which bits they are is drawn from this. Default: 0.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { random: Random::new(seed), ..self }
    }

    /// Flips the bits, each of which is as likely as any other, and none twice.
    fn flip(&mut self, bytes: &mut [u8]) {
        let bits = bytes.len() as u64 * 8;
        let mut left = (self.count as u64).min(bits);
        for bit in 0..bits {
            if self.random.below(bits - bit) < left {
                left -= 1;
                bytes[usize::try_from(bit / 8).expect("an index")] ^= 1 << (bit % 8);
            }
        }
    }
}

impl Fault for FlipBits {
    fn on(&mut self, event: Event<'_>, _: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => {
                let mut bytes = bytes.to_vec();
                self.flip(&mut bytes);
                out.send(bytes);
            }
            event => out.pass(event),
        }
    }
}

/// Each `from` is a `to`, within a chunk, or within a message of [`messages`](super::messages).
///
/// # Panics
///
/// If `from` is empty.
#[must_use]
#[track_caller]
pub fn replace(from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> impl Fault {
    let (from, to) = (from.as_ref().to_vec(), to.as_ref().to_vec());
    assert!(!from.is_empty(), "nothing cannot be found");
    custom(move |event, _, out| match event {
        Event::Chunk(bytes) => {
            let (mut replaced, mut start) = (Vec::with_capacity(bytes.len()), 0);
            for found in memchr::memmem::find_iter(bytes, &from) {
                replaced.extend_from_slice(&bytes[start..found]);
                replaced.extend_from_slice(&to);
                start = found + from.len();
            }
            replaced.extend_from_slice(&bytes[start..]);
            out.send(replaced);
        }
        event => out.pass(event),
    })
}

/// Each message ends with `bytes`, in place of the separator of [`messages`](super::messages): another one, twice the
/// same, or, if it is empty, none. Outside of `messages`, and within [`frames`](super::frames), in place of the
/// carriage returns and line feeds at the end of a chunk or frame.
#[must_use]
pub fn terminator(bytes: impl AsRef<[u8]>) -> impl Fault {
    let terminator = bytes.as_ref().to_vec();
    custom(move |event, _, out| match event {
        Event::Chunk(bytes) => {
            let text = match out.separator() {
                Some(separator) => bytes.strip_suffix(separator),
                None => Some(without_line_end(bytes)),
            };
            match text {
                Some(text) => {
                    let message = [text, &terminator].concat();
                    out.send(message);
                }
                None => out.send(bytes),
            }
        }
        event => out.pass(event),
    })
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &bytes[..end]
}
