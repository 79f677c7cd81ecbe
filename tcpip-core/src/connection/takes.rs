//! What the reads take out of the buffer.

use std::{borrow::Cow, marker::PhantomData, mem::needs_drop};

use serde::de::DeserializeOwned;
use zerocopy::TryFromBytes;

use crate::{
    Encoding, FrameBuffer, JsonMode, ReadError,
    framing::{Content, Found, TooLong},
    session::{Take, Unread},
    stream_helpers::struct_from,
};

pub(super) fn owned(text: Cow<'_, str>) -> String {
    text.into_owned()
}

/// Puts each text into `target`, whose memory is used again.
pub(super) fn stored_in(target: &mut String) -> impl FnMut(Cow<'_, str>) {
    |text| {
        target.clear();
        target.push_str(&text);
    }
}

/// The frame through a separator.
pub(super) struct Until<'a> {
    pub(super) separator: &'a [u8],
}

impl Take for Until<'_> {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        take_until(unread, self.separator, <[u8]>::to_vec)
    }
}

/// A text message, in the format that is in force when it is taken.
pub(super) struct Text<F> {
    store: F,
}

impl<F> Text<F> {
    pub(super) fn new<T>(store: F) -> Self
    where
        F: FnMut(Cow<'_, str>) -> T,
    {
        Self { store }
    }
}

impl<T, F: FnMut(Cow<'_, str>) -> T> Take for Text<F> {
    type Output = T;

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<T> {
        let store = &mut self.store;
        take_ready_text(unread, |text| store(Cow::Borrowed(text)))
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        let store = &mut self.store;
        take_text(unread, |text| text.map(&mut *store))
    }
}

/// A text message, for code of the user's.
pub(super) struct TextWith<F> {
    pub(super) use_text: Option<F>,
}

impl<T, F: FnOnce(&str) -> T> Take for TextWith<F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    #[inline]
    fn find_ready(&mut self, unread: &mut Unread<'_>) -> Option<Found> {
        find_ready_text(unread)
    }

    #[inline]
    fn use_ready(&mut self, frames: &mut FrameBuffer, found: Found, _: usize) -> Option<Result<T, ReadError>> {
        let use_text = &mut self.use_text;
        frames.use_found(found, |text| use_text.take().map(|use_text| use_text(text)))?.map(Ok)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        take_text(unread, |text| {
            let use_text = self.use_text.take().expect("one message is taken");
            text.map(|text| use_text(&text))
        })
    }
}

/// All text messages that are there, for code of the user's.
pub(super) struct EachText<F> {
    pub(super) use_text: F,
    /// How many there were.
    pub(super) count: usize,
}

impl<F: FnMut(&str)> Take for EachText<F> {
    type Output = usize;

    const RUNS_USERS_CODE: bool = true;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<usize, ReadError>> {
        loop {
            let use_text = &mut self.use_text;
            match take_text(unread, |text| text.map(|text| use_text(&text))) {
                Some(Ok(())) => self.count += 1,
                Some(Err(error)) => return Some(Err(error)),
                None => return (self.count > 0).then_some(Ok(self.count)),
            }
        }
    }
}

/// The frame through a separator, for code of the user's.
pub(super) struct UntilWith<'a, F> {
    pub(super) separator: &'a [u8],
    pub(super) use_bytes: Option<F>,
}

impl<T, F: FnOnce(&[u8]) -> T> Take for UntilWith<'_, F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        take_until(unread, self.separator, |frame| {
            let use_bytes = self.use_bytes.take().expect("one frame is taken");
            use_bytes(frame)
        })
    }
}

/// The value that a text message is JSON of.
pub(super) struct Json<T> {
    mode: JsonMode,
    value: PhantomData<fn() -> T>,
}

impl<T> Json<T> {
    pub(super) fn new(mode: JsonMode) -> Self {
        Self { mode, value: PhantomData }
    }
}

impl<T: DeserializeOwned> Json<T> {
    fn decode(&self, text: Cow<'_, str>) -> Result<T, ReadError> {
        self.mode.decode(&text).map_err(|source| ReadError::Json { text: text.into_owned(), source })
    }
}

impl<T: DeserializeOwned> Take for Json<T> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    #[inline]
    fn find_ready(&mut self, unread: &mut Unread<'_>) -> Option<Found> {
        find_ready_text(unread)
    }

    #[inline]
    fn use_ready(&mut self, frames: &mut FrameBuffer, found: Found, _: usize) -> Option<Result<T, ReadError>> {
        frames.use_found(found, |text| self.decode(Cow::Borrowed(text)))
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        take_text(unread, |text| self.decode(text?))
    }
}

/// Takes the next text message, where it is known to be UTF-8 and to be no heartbeat. `None` says nothing.
#[inline]
fn take_ready_text<T>(unread: &mut Unread<'_>, convert: impl FnOnce(&str) -> T) -> Option<T> {
    let found = find_ready_text(unread)?;
    unread.frames.use_found(found, convert)
}

/// Finds it.
#[inline]
fn find_ready_text(unread: &mut Unread<'_>) -> Option<Found> {
    if unread.text.encoding != Encoding::Utf8 || unread.heartbeats.are_noted() {
        return None;
    }
    unread.frames.find_ready_text(unread.text.terminator(), unread.limit)
}

/// Takes the next text message that is no heartbeat, as `convert` makes it of the text.
#[inline]
fn take_text<T>(
    unread: &mut Unread<'_>,
    mut convert: impl FnMut(Result<Cow<'_, str>, ReadError>) -> Result<T, ReadError>,
) -> Option<Result<T, ReadError>> {
    match take_ready_text(unread, |text| convert(Ok(Cow::Borrowed(text)))) {
        Some(taken) => Some(taken),
        None => look_for_text(unread, convert),
    }
}

/// The same, for text whose end has to be looked for, which may be none, or a heartbeat.
fn look_for_text<T>(
    unread: &mut Unread<'_>,
    mut convert: impl FnMut(Result<Cow<'_, str>, ReadError>) -> Result<T, ReadError>,
) -> Option<Result<T, ReadError>> {
    let Unread { frames, text, limit, heartbeats } = unread;
    let is_utf8 = text.encoding == Encoding::Utf8;
    loop {
        let convert = |content: Content<'_>| {
            if heartbeats.are_noted() && heartbeats.notes(text, content.bytes()) {
                return None;
            }
            Some(convert(match content {
                Content::Text(text) if is_utf8 => Ok(Cow::Borrowed(text)),
                content => text.encoding.decode(content.bytes()),
            }))
        };
        match within(frames.take_text(text.terminator(), *limit, is_utf8, convert)?, *limit) {
            Ok(None) => {}
            Ok(Some(taken)) => return Some(taken),
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Takes the next frame through `separator` that is no heartbeat, as `convert` makes it of the bytes.
fn take_until<T>(
    unread: &mut Unread<'_>,
    separator: &[u8],
    mut convert: impl FnMut(&[u8]) -> T,
) -> Option<Result<T, ReadError>> {
    let Unread { frames, text, limit, heartbeats } = unread;
    let may_be_heartbeat = heartbeats.are_noted() && *separator == **text.terminator();
    loop {
        let convert = |frame: &[u8]| {
            let is_heartbeat = may_be_heartbeat && heartbeats.notes(text, &frame[..frame.len() - separator.len()]);
            (!is_heartbeat).then(|| convert(frame))
        };
        match within(frames.take_until(separator, *limit, convert)?, *limit) {
            Ok(None) => {}
            Ok(Some(taken)) => return Some(Ok(taken)),
            Err(error) => return Some(Err(error)),
        }
    }
}

pub(super) struct Line;

impl Take for Line {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        unread.frames.take_until(b"\n", unread.limit, <[u8]>::to_vec).map(|taken| within(taken, unread.limit))
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

/// So many bytes, which become the result without another copy if they are many.
pub(super) struct Bytes {
    pub(super) count: usize,
}

impl Take for Bytes {
    type Output = Vec<u8>;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        unread.frames.take_bytes(self.count).map(Ok)
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<Vec<u8>> {
        unread.frames.take_ready_bytes(self.count, |bytes| Some(bytes.to_vec()))
    }
}

/// A binary structure.
pub(super) struct Struct<T> {
    value: PhantomData<fn() -> T>,
}

impl<T> Struct<T> {
    pub(super) fn new() -> Self {
        Self { value: PhantomData }
    }
}

impl<T: TryFromBytes> Take for Struct<T> {
    type Output = T;

    fn expected(&self) -> Option<usize> {
        Some(size_of::<T>())
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<T> {
        unread.frames.take_ready_bytes(size_of::<T>(), |bytes| T::try_read_from_bytes(bytes).ok())
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        unread.frames.take_exact(size_of::<T>(), struct_from::<T>)
    }
}

/// A binary structure, into the place of another, which saves to copy it more than once.
pub(super) struct StructInto<'a, T>(pub(super) &'a mut T);

impl<T: TryFromBytes> Take for StructInto<'_, T> {
    type Output = ();

    // The old value's drop.
    const RUNS_USERS_CODE: bool = needs_drop::<T>();

    fn expected(&self) -> Option<usize> {
        Some(size_of::<T>())
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<()> {
        unread.frames.take_ready_bytes(size_of::<T>(), |bytes| {
            *self.0 = T::try_read_from_bytes(bytes).ok()?;
            Some(())
        })
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<(), ReadError>> {
        let taken = unread.frames.take_exact(size_of::<T>(), struct_from::<T>)?;
        Some(taken.map(|value| *self.0 = value))
    }
}

/// So many bytes, for code of the user's.
pub(super) struct ExactWith<F> {
    pub(super) count: usize,
    pub(super) convert: Option<F>,
}

impl<T, F: FnOnce(&[u8]) -> T> Take for ExactWith<F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        let convert = &mut self.convert;
        unread.frames.take_exact(self.count, |bytes| convert.take().map(|convert| convert(bytes)))?.map(Ok)
    }
}

pub(super) struct Available {
    pub(super) count: usize,
}

impl Take for Available {
    type Output = Vec<u8>;

    fn expected(&self) -> Option<usize> {
        (self.count == 0).then_some(0)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        if self.count == 0 { Some(Ok(Vec::new())) } else { unread.frames.take_some(self.count).map(Ok) }
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

pub(super) struct ToEnd;

impl Take for ToEnd {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        within(unread.frames.check_limit(unread.limit), unread.limit).err().map(Err)
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

fn within<T>(taken: Result<T, TooLong>, limit: usize) -> Result<T, ReadError> {
    taken.map_err(|TooLong| ReadError::FrameTooLong { limit })
}
