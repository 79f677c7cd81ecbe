//! The reads that there are, as one type.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::script::one_of;
use crate::{
    DisconnectReason, FrameBuffer, ReadError,
    connection::read::{Available, Bytes, Failure, Line, OwnFrame, Text, TextWith, ToEnd, Until},
    framing::Found,
    session::{Take, Taken, Unread},
};

/// What a read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Until(&'static [u8]),
    Line,
    Exact(usize),
    Available(usize),
    ToEnd,
    /// One of [`Short`]'s.
    Frame,
}

/// A length, of which its last three bits count, and so many bytes.
#[derive(Debug)]
pub(super) struct Short;

/// A length that is an error.
pub(super) const BAD_LENGTH: u8 = 0xff;

/// The read is done by the session.
pub(super) struct Plain(pub(super) Kind);

/// The buffer is lent for it, as to users' code.
pub(super) struct Lent(pub(super) Kind);

impl Kind {
    pub(super) fn of(decision: u8) -> Self {
        const KINDS: [Kind; 16] = [
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Line,
            Kind::Until(b"\n"),
            Kind::Until(b"\r\n"),
            Kind::Until(b"aab"),
            Kind::Exact(0),
            Kind::Exact(1),
            Kind::Exact(5),
            Kind::Exact(40),
            Kind::Available(0),
            Kind::Available(3),
            Kind::Available(100),
            Kind::ToEnd,
            Kind::Frame,
        ];
        one_of(&KINDS, decision)
    }

    fn expected(self) -> Option<usize> {
        match self {
            Self::Exact(count) => Bytes { count }.expected(),
            Self::Available(count) => Available { count }.expected(),
            _ => None,
        }
    }

    fn take_ready(self, unread: &mut Unread<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Text => text().take_ready(unread),
            Self::Exact(count) => Bytes { count }.take_ready(unread),
            _ => None,
        }
    }

    fn take(self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        match self {
            Self::Text => text().take(unread),
            Self::Until(separator) => Until { separator }.take(unread),
            Self::Line => Line.take(unread),
            Self::Exact(count) => Bytes { count }.take(unread),
            Self::Available(count) => Available { count }.take(unread),
            Self::ToEnd => ToEnd.take(unread),
            Self::Frame => OwnFrame::new(Short).take(unread).map(frame),
        }
    }

    fn take_at_end(self, unread: &mut Unread<'_>) -> Taken<Vec<u8>> {
        match self {
            Self::Text => text().take_at_end(unread),
            Self::Until(separator) => Until { separator }.take_at_end(unread),
            Self::Line => Line.take_at_end(unread),
            Self::Exact(count) => Bytes { count }.take_at_end(unread),
            Self::Available(count) => Available { count }.take_at_end(unread),
            Self::ToEnd => ToEnd.take_at_end(unread),
            Self::Frame => {
                let Taken { result, reports_end } = OwnFrame::new(Short).take_at_end(unread);
                Taken { result: frame(result), reports_end }
            }
        }
    }
}

fn text() -> impl Take<Output = Vec<u8>> {
    Text::new(|text| text.as_bytes().to_vec())
}

fn lent_text() -> impl Take<Output = Vec<u8>> {
    TextWith { use_text: Some(|text: &str| text.as_bytes().to_vec()) }
}

/// An error of the codec as one of a read, by which [`Lent`] knows it.
fn frame(result: Result<Result<Vec<u8>, Failure<io::Error>>, ReadError>) -> Result<Vec<u8>, ReadError> {
    match result {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(Failure::Error(error))) => Err(ReadError::Io(error)),
        Ok(Err(Failure::Panic(_))) => unreachable!("it never panics"),
        Err(error) => Err(error),
    }
}

impl Take for Plain {
    type Output = Vec<u8>;

    fn expected(&self) -> Option<usize> {
        self.0.expected()
    }

    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<Vec<u8>> {
        self.0.take_ready(unread)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        self.0.take(unread)
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Vec<u8>> {
        self.0.take_at_end(unread)
    }
}

impl Take for Lent {
    type Output = Vec<u8>;

    const RUNS_USERS_CODE: bool = true;

    // It may be a frame.
    const NEEDS_BYTES: bool = false;

    fn expected(&self) -> Option<usize> {
        self.0.expected()
    }

    fn find_ready(&mut self, unread: &mut Unread<'_>) -> Option<Found> {
        match self.0 {
            Kind::Text => lent_text().find_ready(unread),
            Kind::Frame => OwnFrame::new(Short).find_ready(unread),
            _ => None,
        }
    }

    fn use_ready(
        &mut self,
        frames: &mut FrameBuffer,
        found: Found,
        limit: usize,
    ) -> Option<Result<Vec<u8>, ReadError>> {
        match self.0 {
            Kind::Text => lent_text().use_ready(frames, found, limit),
            _ => OwnFrame::new(Short).use_ready(frames, found, limit).map(frame),
        }
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        self.0.take(unread)
    }

    fn take_at_end(&mut self, unread: &mut Unread<'_>) -> Taken<Vec<u8>> {
        self.0.take_at_end(unread)
    }

    fn loses_track(result: &Result<Vec<u8>, ReadError>) -> Option<DisconnectReason> {
        match result {
            Err(ReadError::Io(_)) => Some(DisconnectReason::BadFrame),
            Err(ReadError::Disconnected { reason }) => Some(reason.clone()),
            _ => None,
        }
    }
}

impl Decoder for Short {
    type Item = Vec<u8>;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Vec<u8>>> {
        let Some(first) = bytes.first() else { return Ok(None) };
        if *first == BAD_LENGTH {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = 1 + usize::from(first % 8);
        Ok((bytes.len() >= length).then(|| bytes.split_to(length).to_vec()))
    }
}
