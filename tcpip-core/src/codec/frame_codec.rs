//! A framing at work.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{
    Damage, Framing, Trailing,
    cut::{Cutter, Look, Whole},
};

/// Reads and writes the frames of a [`Framing`], as tokio-util's [`Decoder`] and [`Encoder`]. Made by
/// [`Framing::codec`].
///
/// It remembers how far it has searched, and what is left of a damaged frame: keep it for all frames of a connection.
/// Dropping it loses no frame, but for that.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    framing: Framing,
    cutter: Cutter,
    /// The frame at the front, behind whose end something is still to come.
    found: Option<Whole>,
}

impl FrameCodec {
    pub(super) fn new(framing: Framing) -> Self {
        Self { cutter: framing.cutter(), framing, found: None }
    }

    /// Returns what may come behind the frame that was taken last, and is nothing.
    #[doc(hidden)]
    #[must_use]
    pub fn trailing(&self) -> Trailing {
        match &self.cutter {
            Cutter::AnyLineEnd(cutter) if cutter.is_behind_return() => Trailing::LineFeed,
            Cutter::Blocks(_) => Trailing::LineEnds,
            Cutter::Values(_) => Trailing::WhiteSpace,
            _ => Trailing::Nothing,
        }
    }

    /// Returns the framing.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.framing
    }
}

/// An item is the content of a frame, or what is none. It never fails.
impl Decoder for FrameCodec {
    type Item = Result<Bytes, Damage>;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let limit = self.framing.content_limit();
        loop {
            let look = match self.found {
                Some(whole) => Look::Frame(whole),
                None => self.cutter.look(bytes, limit),
            };
            match look {
                Look::More | Look::Nothing(0) => return Ok(None),
                Look::Nothing(count) => bytes.advance(count),
                Look::Frame(whole) if bytes.len() < whole.len() + self.framing.behind() => {
                    self.found = Some(whole);
                    return Ok(None);
                }
                look => return Ok(Some(self.take(look, bytes))),
            }
        }
    }

    /// What is left at the end of the stream is no frame, and told so.
    fn decode_eof(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        if let Some(item) = self.decode(bytes)? {
            return Ok(Some(item));
        }
        let look = if self.found.is_some() { Look::Unended(bytes.len()) } else { self.cutter.look_at_end(bytes) };
        *self = Self::new(self.framing.clone());
        match look {
            Look::Nothing(count) => bytes.advance(count),
            Look::Noise(_) | Look::Unended(_) => return Ok(Some(self.take(look, bytes))),
            _ => {}
        }
        Ok(None)
    }
}

impl FrameCodec {
    /// Takes out what was found.
    fn take(&mut self, found: Look, bytes: &mut BytesMut) -> Result<Bytes, Damage> {
        let mut front = |count| bytes.split_to(count).freeze();
        Err(match found {
            Look::Frame(whole) => {
                self.found = None;
                return self.framing.open(bytes.split_to(whole.len() + self.framing.behind()), whole);
            }
            Look::TooLong(count) => {
                bytes.advance(count);
                Damage::TooLong { limit: self.framing.content_limit() }
            }
            Look::Noise(count) => Damage::Noise(front(count)),
            Look::Unended(count) => Damage::Unended(front(count)),
            Look::BadLength(count) => Damage::BadLength(front(count)),
            Look::More | Look::Nothing(_) => unreachable!("there is nothing to take"),
        })
    }
}

/// Content of which no frame can be made is [`InvalidInput`](io::ErrorKind::InvalidInput), with the
/// [`Unframable`](super::Unframable) in it.
impl<T: AsRef<[u8]>> Encoder<T> for FrameCodec {
    type Error = io::Error;

    fn encode(&mut self, content: T, bytes: &mut BytesMut) -> io::Result<()> {
        let frame = self.framing.frame(content);
        bytes.extend_from_slice(&frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?);
        Ok(())
    }
}
