//! The shapes of replies.

use std::{fmt, marker::PhantomData};

use serde::de::DeserializeOwned;
use tcpip_core::{BytesMut, Decoder, FrameCodec, Framing, ReadError, endpoint::find_end};
use zerocopy::TryFromBytes;

use super::shape::{Format, Mismatch, Shape};

/// A shape that is made of a function, so that each needs no type of its own.
struct Of<S, F>(F, PhantomData<fn() -> S>);

impl<S, F> Of<S, F> {
    fn new<T>(take: F) -> Self
    where
        F: Fn(&mut S, &mut BytesMut, &Format) -> Option<Result<T, Mismatch>>,
    {
        Self(take, PhantomData)
    }
}

impl<S, T, F> Shape for Of<S, F>
where
    S: Default + Send + 'static,
    T: Send + 'static,
    F: Fn(&mut S, &mut BytesMut, &Format) -> Option<Result<T, Mismatch>> + Send + 'static,
{
    type Output = T;
    type State = S;

    fn take(&self, state: &mut S, bytes: &mut BytesMut, format: &Format) -> Option<Result<T, Mismatch>> {
        (self.0)(state, bytes, format)
    }
}

/// A line of text, without its terminator.
#[must_use]
pub fn line() -> impl Shape<Output = String> {
    Of::new(take_line)
}

/// So many lines of text.
#[must_use]
pub fn lines(count: usize) -> impl Shape<Output = Vec<String>> {
    Of::new(move |state: &mut Lines, bytes, format| {
        while state.taken.len() < count {
            state.take(bytes, format)?;
        }
        Some(state.finish())
    })
}

/// Lines of text up to the first that `is_last`, which is among them.
#[must_use]
pub fn lines_until(is_last: impl Fn(&str) -> bool + Send + 'static) -> impl Shape<Output = Vec<String>> {
    Of::new(move |state: &mut Lines, bytes, format| {
        while !state.taken.last().is_some_and(|line| is_last(line)) {
            state.take(bytes, format)?;
        }
        Some(state.finish())
    })
}

/// Lines of text, none perhaps, and a prompt where a line would begin, which is dropped.
#[must_use]
pub fn lines_before(prompt: &[u8]) -> impl Shape<Output = Vec<String>> {
    let prompt = prompt.to_vec();
    Of::new(move |state: &mut Lines, bytes, format| {
        loop {
            // Behind a line that has come in part, no line begins.
            if state.scanned == 0 && bytes.starts_with(&prompt) {
                let _ = bytes.split_to(prompt.len());
                return Some(state.finish());
            }
            if prompt.starts_with(bytes) {
                return None;
            }
            state.take(bytes, format)?;
        }
    })
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
    Of::new(move |scanned: &mut usize, bytes, _| {
        let end = end_of(bytes, &separator, scanned)?;
        Some(Ok(bytes.split_to(end).to_vec()))
    })
}

/// Exactly these bytes. Others are out of step.
#[must_use]
pub fn literal(expected: &[u8]) -> impl Shape<Output = ()> {
    let expected = expected.to_vec();
    Of::new(move |(): &mut (), bytes, _| {
        let there = bytes.len().min(expected.len());
        if bytes[..there] != expected[..there] {
            let (expected, found) = (expected.escape_ascii(), bytes[..there].escape_ascii());
            return Some(Err(Mismatch::OutOfStep(format!("\"{found}\" came instead of \"{expected}\""))));
        }
        (there == expected.len()).then(|| {
            let _ = bytes.split_to(there);
            Ok(())
        })
    })
}

/// So many bytes.
#[must_use]
pub fn bytes(count: usize) -> impl Shape<Output = Vec<u8>> {
    Of::new(move |(): &mut (), bytes, _| (bytes.len() >= count).then(|| Ok(bytes.split_to(count).to_vec())))
}

/// A binary structure.
#[must_use]
pub fn of<T: TryFromBytes + Send + 'static>() -> impl Shape<Output = T> {
    Of::new(|(): &mut (), bytes, _| {
        (bytes.len() >= size_of::<T>()).then(|| {
            let bytes = bytes.split_to(size_of::<T>());
            T::try_read_from_bytes(&bytes).map_err(|_| Mismatch::Value("its bytes are no such structure".into()))
        })
    })
}

/// A line of JSON.
#[must_use]
pub fn json<T: DeserializeOwned + Send + 'static>() -> impl Shape<Output = T> {
    Of::new(|scanned: &mut usize, bytes, format| {
        let decode = |text: String| {
            let value = format.json.decode(&text);
            value.map_err(|source| Mismatch::Value(Box::new(ReadError::Json { text, source })))
        };
        Some(take_line(scanned, bytes, format)?.and_then(decode))
    })
}

/// A frame that a decoder finds. Its error is out of step.
#[must_use]
pub fn frame<D>(decoder: D) -> impl Shape<Output = D::Item>
where
    D: Decoder + Clone + Send + 'static,
    D::Item: Send + 'static,
    D::Error: fmt::Display,
{
    Of::new(move |state: &mut Option<D>, bytes, _| {
        let decoder = state.get_or_insert_with(|| decoder.clone());
        decoder.decode(bytes).map_err(|error| Mismatch::OutOfStep(error.to_string())).transpose()
    })
}

/// A block of SCPI (IEEE 488.2, 8.7.9 and 8.7.10): of a definite length, with the terminator of text behind it, or of
/// an indefinite one.
#[must_use]
pub fn scpi_block() -> impl Shape<Output = Vec<u8>> {
    Of::new(|state: &mut (Option<FrameCodec>, Option<Vec<u8>>), bytes, format| {
        let (codec, block) = state;
        if block.is_none() {
            if bytes.first().is_some_and(|first| *first != b'#') {
                return Some(Err(Mismatch::OutOfStep("a block begins with #".to_owned())));
            }
            let is_indefinite = bytes.starts_with(b"#0");
            let limit = format.limit;
            let codec = codec.get_or_insert_with(|| Framing::scpi_blocks().limit(limit).codec());
            let found = codec.decode(bytes).ok().flatten()?;
            match found {
                Ok(found) if is_indefinite => return Some(Ok(found.to_vec())),
                Ok(found) => *block = Some(found.to_vec()),
                Err(damage) => return Some(Err(Mismatch::OutOfStep(damage.to_string()))),
            }
        }
        let end = &*format.terminator;
        let there = bytes.len().min(end.len());
        if bytes[..there] != end[..there] {
            return Some(Err(Mismatch::OutOfStep("no terminator follows the block".to_owned())));
        }
        if there < end.len() {
            return None;
        }
        let _ = bytes.split_to(there);
        block.take().map(Ok)
    })
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
    fn take(&mut self, bytes: &mut BytesMut, format: &Format) -> Option<()> {
        let line = take_bytes(&mut self.scanned, bytes, format)?;
        self.taken.push(match text_of(&line, format) {
            Ok(text) => text,
            Err(error) => {
                self.error.get_or_insert(error);
                String::from_utf8_lossy(&line).into_owned()
            }
        });
        Some(())
    }

    fn finish(&mut self) -> Result<Vec<String>, Mismatch> {
        match self.error.take() {
            None => Ok(std::mem::take(&mut self.taken)),
            Some(error) => Err(error),
        }
    }
}

fn take_line(scanned: &mut usize, bytes: &mut BytesMut, format: &Format) -> Option<Result<String, Mismatch>> {
    take_bytes(scanned, bytes, format).map(|line| text_of(&line, format))
}

/// Takes a line, without its terminator.
fn take_bytes(scanned: &mut usize, bytes: &mut BytesMut, format: &Format) -> Option<BytesMut> {
    let end = end_of(bytes, &format.terminator, scanned)?;
    let mut line = bytes.split_to(end);
    line.truncate(end - format.terminator.len());
    Some(line)
}

fn text_of(line: &[u8], format: &Format) -> Result<String, Mismatch> {
    format.encoding.decode(line).map(Into::into).map_err(|error| Mismatch::Value(Box::new(error)))
}

/// Where the first separator ends. How far was looked is `scanned`, and 0 again once it is found.
fn end_of(bytes: &[u8], separator: &[u8], scanned: &mut usize) -> Option<usize> {
    let searched = (bytes.len() + 1).saturating_sub(separator.len());
    let found = find_end(bytes, *scanned, separator);
    *scanned = if found.is_some() { 0 } else { searched };
    found
}
