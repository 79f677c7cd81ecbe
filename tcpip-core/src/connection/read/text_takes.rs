//! What the reads of text messages take out of the buffer.

use std::{borrow::Cow, marker::PhantomData};

use serde::de::DeserializeOwned;

use super::takes::within;
use crate::{
    Encoding, FrameBuffer, JsonMode, ReadError,
    framing::{Content, Found},
    session::{Take, Unread},
};

pub(in crate::connection) fn owned(text: Cow<'_, str>) -> String {
    text.into_owned()
}

/// Puts each text into `target`, whose memory is used again.
pub(in crate::connection) fn stored_in(target: &mut String) -> impl FnMut(Cow<'_, str>) {
    |text| {
        target.clear();
        target.push_str(&text);
    }
}

/// A text message, in the format that is in force when it is taken.
pub(in crate::connection) struct Text<F> {
    store: F,
}

impl<F> Text<F> {
    pub(in crate::connection) fn new<T>(store: F) -> Self
    where
        F: FnMut(Cow<'_, str>) -> T,
    {
        Self { store }
    }
}

impl<T, F: FnMut(Cow<'_, str>) -> T> Take for Text<F> {
    type Output = T;

    #[expect(clippy::inline_always, reason = "a result would be moved once more by each call")]
    #[inline(always)]
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
pub(in crate::connection) struct TextWith<F> {
    pub(in crate::connection) use_text: Option<F>,
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
pub(in crate::connection) struct EachText<F> {
    pub(in crate::connection) use_text: F,
    /// How many there were.
    pub(in crate::connection) count: usize,
}

impl<F: FnMut(&str)> Take for EachText<F> {
    type Output = usize;

    const RUNS_USERS_CODE: bool = true;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<usize, ReadError>> {
        loop {
            let use_text = &mut self.use_text;
            if is_plain(unread) {
                self.count += unread.frames.use_ready_texts(unread.text.terminator(), unread.limit, &mut *use_text);
            }
            match look_for_text(unread, |text| text.map(|text| use_text(&text))) {
                Some(Ok(())) => self.count += 1,
                Some(Err(error)) => return Some(Err(error)),
                None => return (self.count > 0).then_some(Ok(self.count)),
            }
        }
    }
}

/// The value that a text message is JSON of.
pub(in crate::connection) struct Json<T> {
    mode: JsonMode,
    value: PhantomData<fn() -> T>,
}

impl<T> Json<T> {
    pub(in crate::connection) fn new(mode: JsonMode) -> Self {
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
    if is_plain(unread) { unread.frames.find_ready_text(unread.text.terminator(), unread.limit) } else { None }
}

/// Whether every text that is UTF-8 is a message.
#[inline]
fn is_plain(unread: &Unread<'_>) -> bool {
    unread.text.encoding == Encoding::Utf8 && !unread.heartbeats.are_noted()
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
