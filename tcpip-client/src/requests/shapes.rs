//! The shapes of replies.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::de::DeserializeOwned;
use tcpip_core::{
    Decoder, Encoding, FrameCodec, Framing, ReadError,
    endpoint::{Input, find_end},
};
use zerocopy::TryFromBytes;

use super::shape::{Mismatch, Shape};

/// A shape that is made of a function, so that each needs no type of its own: with users' code in it, or without.
struct Of<S, F, const USERS: bool> {
    take: F,
    may_be_empty: bool,
    state: PhantomData<fn() -> S>,
}

/// One without code of the user's.
fn of_ours<S, T, F>(take: F) -> Of<S, F, false>
where
    F: Fn(&mut S, &mut Input<'_>) -> Option<Result<T, Mismatch>>,
{
    Of { take, may_be_empty: false, state: PhantomData }
}

/// One with code of the user's.
fn of_users<S, T, F>(take: F) -> Of<S, F, true>
where
    F: Fn(&mut S, &mut Input<'_>) -> Option<Result<T, Mismatch>>,
{
    Of { take, may_be_empty: false, state: PhantomData }
}

impl<S, F, const USERS: bool> Of<S, F, USERS> {
    fn may_be_empty(self, may_be_empty: bool) -> Self {
        Self { may_be_empty, ..self }
    }
}

impl<S, T, F, const USERS: bool> Shape for Of<S, F, USERS>
where
    S: Default + Send + 'static,
    T: Send + 'static,
    F: Fn(&mut S, &mut Input<'_>) -> Option<Result<T, Mismatch>> + Send + 'static,
{
    type Output = T;
    type State = S;

    const RUNS_USERS_CODE: bool = USERS;

    fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }

    #[inline]
    fn take(&self, state: &mut S, input: &mut Input<'_>) -> Option<Result<T, Mismatch>> {
        (self.take)(state, input)
    }
}

/// A line of text, without its terminator.
#[must_use]
pub fn line() -> impl Shape<Output = String> {
    of_ours(take_line)
}

/// So many lines of text.
#[must_use]
pub fn lines(count: usize) -> impl Shape<Output = Vec<String>> {
    let lines = of_ours(move |state: &mut Lines, input| {
        while state.taken.len() < count {
            state.take(input)?;
        }
        Some(state.finish())
    });
    lines.may_be_empty(count == 0)
}

/// Lines of text up to the first that `is_last`, which is among them.
#[must_use]
pub fn lines_until(is_last: impl Fn(&str) -> bool + Send + 'static) -> impl Shape<Output = Vec<String>> {
    of_users(move |state: &mut Lines, input| {
        while !state.taken.last().is_some_and(|line| is_last(line)) {
            state.take(input)?;
        }
        Some(state.finish())
    })
}

/// Lines of text, none perhaps, and a prompt where a line would begin, which is dropped.
#[must_use]
pub fn lines_before(prompt: &[u8]) -> impl Shape<Output = Vec<String>> {
    let prompt = prompt.to_vec();
    let may_be_empty = prompt.is_empty();
    let lines = of_ours(move |state: &mut Lines, input| {
        loop {
            // Behind a line that has come in part, no line begins.
            if state.scanned == 0 && input.bytes().starts_with(&prompt) {
                input.skip(prompt.len());
                return Some(state.finish());
            }
            if prompt.starts_with(input.bytes()) {
                return None;
            }
            state.take(input)?;
        }
    });
    lines.may_be_empty(may_be_empty)
}

/// All bytes through a separator, which is among them.
///
/// # Panics
///
/// If the separator is empty.
#[must_use]
pub fn until(separator: &[u8]) -> impl Shape<Output = Vec<u8>> {
    assert!(!separator.is_empty(), "a separator has at least one byte");
    let separator = separator.to_vec();
    of_ours(move |scanned: &mut usize, input| {
        let end = end_of(input.bytes(), &separator, scanned)?;
        Some(Ok(input.take(end, <[u8]>::to_vec)))
    })
}

/// Exactly these bytes. Others are out of step.
#[must_use]
pub fn literal(expected: &[u8]) -> impl Shape<Output = ()> {
    let expected = expected.to_vec();
    let may_be_empty = expected.is_empty();
    let literal = of_ours(move |(): &mut (), input| {
        let there = input.len().min(expected.len());
        let found = &input.bytes()[..there];
        if *found != expected[..there] {
            let (expected, found) = (expected.escape_ascii(), found.escape_ascii());
            return Some(Err(Mismatch::OutOfStep(format!("\"{found}\" came instead of \"{expected}\""))));
        }
        (there == expected.len()).then(|| {
            input.skip(there);
            Ok(())
        })
    });
    literal.may_be_empty(may_be_empty)
}

/// So many bytes.
#[must_use]
pub fn bytes(count: usize) -> impl Shape<Output = Vec<u8>> {
    let bytes =
        of_ours(move |(): &mut (), input| (input.len() >= count).then(|| Ok(input.take(count, <[u8]>::to_vec))));
    bytes.may_be_empty(count == 0)
}

/// A binary structure.
#[must_use]
pub fn of<T: TryFromBytes + Send + 'static>() -> impl Shape<Output = T> {
    let structure = of_ours(|(): &mut (), input| {
        (input.len() >= size_of::<T>()).then(|| {
            let value = input.take(size_of::<T>(), |bytes| T::try_read_from_bytes(bytes).ok());
            value.ok_or_else(|| Mismatch::Value("its bytes are no such structure".into()))
        })
    });
    structure.may_be_empty(size_of::<T>() == 0)
}

/// A line of JSON.
#[must_use]
pub fn json<T: DeserializeOwned + Send + 'static>() -> impl Shape<Output = T> {
    of_users(|scanned: &mut usize, input| {
        let mode = input.json();
        let decode = |text: String| {
            let value = mode.decode(&text);
            value.map_err(|source| Mismatch::Value(Box::new(ReadError::Json { text, source })))
        };
        Some(take_line(scanned, input)?.and_then(decode))
    })
}

/// A frame that a decoder finds. Its error is out of step. Each reply has a clone of it, so that nothing is left of the
/// reply before: a [`Framing`] is a shape itself.
#[must_use]
pub fn frame<D>(decoder: D) -> impl Shape<Output = D::Item>
where
    D: Decoder + Clone + Send + 'static,
    D::Item: Send + 'static,
    D::Error: fmt::Display,
{
    let frame = of_users(move |state: &mut Option<D>, input| {
        let decoder = state.get_or_insert_with(|| decoder.clone());
        let found = input.decode(|bytes| decoder.decode(bytes));
        found.map_err(|error| Mismatch::OutOfStep(error.to_string())).transpose()
    });
    frame.may_be_empty(true)
}

/// A block of SCPI (IEEE 488.2, 8.7.9 and 8.7.10): of a definite length, with the terminator of text behind it, or of
/// an indefinite one.
#[must_use]
pub fn scpi_block() -> impl Shape<Output = Vec<u8>> {
    of_ours(|state: &mut (Option<FrameCodec>, Option<Vec<u8>>), input| {
        let (codec, block) = state;
        if block.is_none() {
            if input.bytes().first().is_some_and(|first| *first != b'#') {
                return Some(Err(Mismatch::OutOfStep("a block begins with #".to_owned())));
            }
            let is_indefinite = input.bytes().starts_with(b"#0");
            let limit = input.limit();
            let codec = codec.get_or_insert_with(|| Framing::scpi_blocks().limit(limit).codec());
            let found = input.decode(|bytes| codec.decode(bytes)).ok().flatten()?;
            match found {
                Ok(found) if is_indefinite => return Some(Ok(found.to_vec())),
                Ok(found) => *block = Some(found.to_vec()),
                Err(damage) => return Some(Err(Mismatch::OutOfStep(damage.to_string()))),
            }
        }
        let (bytes, terminator) = input.bytes_and_terminator();
        let there = bytes.len().min(terminator.len());
        if bytes[..there] != terminator[..there] {
            return Some(Err(Mismatch::OutOfStep("no terminator follows the block".to_owned())));
        }
        if there < terminator.len() {
            return None;
        }
        input.skip(there);
        block.take().map(Ok)
    })
}

/// All bytes, until nothing has come for as long as `quiet`: the reply of a device that ends it with nothing else. At
/// the end of the stream the rest is the reply.
///
/// Its first byte has the deadline of every reply. What follows has no
/// [`gap_timeout`](super::RequestOptions::gap_timeout): this gap is its end. Behind another part it may be empty. What
/// comes within `quiet` of the byte before belongs to it, whatever it is. In a tuple it is mostly the last part;
/// another that follows it begins behind the silence.
#[must_use]
pub fn silence(quiet: Duration) -> impl Shape<Output = Vec<u8>> {
    Silence { quiet }
}

struct Silence {
    quiet: Duration,
}

impl Shape for Silence {
    type Output = Vec<u8>;
    type State = ();

    const RUNS_USERS_CODE: bool = false;

    fn may_be_empty(&self) -> bool {
        false
    }

    /// More may come.
    fn take(&self, (): &mut (), _input: &mut Input<'_>) -> Option<Result<Vec<u8>, Mismatch>> {
        None
    }

    fn gap(&self, (): &()) -> Option<Duration> {
        Some(self.quiet)
    }

    fn take_at_gap(&self, (): &mut (), input: &mut Input<'_>) -> Option<Result<Vec<u8>, Mismatch>> {
        Some(Ok(input.take(input.len(), <[u8]>::to_vec)))
    }
}

/// Lines that have been taken.
#[derive(Default)]
struct Lines {
    taken: Vec<String>,
    /// How far the next one has been searched for its end.
    scanned: usize,
    /// What did not convert. The lines behind it belong to the reply all the same.
    error: Option<Mismatch>,
}

impl Lines {
    fn take(&mut self, input: &mut Input<'_>) -> Option<()> {
        let encoding = input.encoding();
        let line = take_payload(&mut self.scanned, input, |line| {
            text_of(line, encoding).map_err(|error| (error, String::from_utf8_lossy(line).into_owned()))
        })?;
        self.taken.push(line.unwrap_or_else(|(error, text)| {
            self.error.get_or_insert(error);
            text
        }));
        Some(())
    }

    fn finish(&mut self) -> Result<Vec<String>, Mismatch> {
        match self.error.take() {
            None => Ok(std::mem::take(&mut self.taken)),
            Some(error) => Err(error),
        }
    }
}

fn take_line(scanned: &mut usize, input: &mut Input<'_>) -> Option<Result<String, Mismatch>> {
    let encoding = input.encoding();
    take_payload(scanned, input, |line| text_of(line, encoding))
}

/// Takes a line out, as `convert` makes it of what is before its terminator.
fn take_payload<T>(scanned: &mut usize, input: &mut Input<'_>, convert: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let (bytes, terminator) = input.bytes_and_terminator();
    let end = end_of(bytes, terminator, scanned)?;
    let payload = end - terminator.len();
    Some(input.take(end, |line| convert(&line[..payload])))
}

fn text_of(line: &[u8], encoding: Encoding) -> Result<String, Mismatch> {
    encoding.decode(line).map(Into::into).map_err(|error| Mismatch::Value(Box::new(error)))
}

/// Where the first separator ends. How far was looked is `scanned`, and 0 again once it is found.
fn end_of(bytes: &[u8], separator: &[u8], scanned: &mut usize) -> Option<usize> {
    let searched = (bytes.len() + 1).saturating_sub(separator.len());
    let found = find_end(bytes, *scanned, separator);
    *scanned = if found.is_some() { 0 } else { searched };
    found
}
