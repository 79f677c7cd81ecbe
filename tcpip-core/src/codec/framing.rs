//! How frames are made and cut.

use bytes::{Bytes, BytesMut};

use super::{
    Checksum, Damage, Escape, FrameCodec, LengthField, Unframable,
    blocks::Blocks,
    checksum::Place,
    cut::{Cutter, Whole},
    escapes::{Coding, SLIP},
    lengths::{Fixed, Lengths},
    lines::{AnyLineEnd, Ended},
    marks::Marks,
    values::Values,
};
use crate::{Terminator, framing::find_end};

/// How many bytes the content of a frame may have by default.
pub const DEFAULT_FRAME_LIMIT: usize = 64 * 1024;

/// How a device makes frames: where they begin and end, what is escaped in them, their checksum.
///
/// It is a description, cheap to clone. Its [`codec`](Self::codec) reads frames, by
/// [`read_frame`](crate::Connection::read_frame), in a stream ([`frames`](crate::Connection::frames)), or in
/// tokio-util's `Framed`, and writes them there; [`frame`](Self::frame) makes one for any write.
///
/// An item is the content of a frame, or [`Damage`]: what came and is no frame, also what is left at the end of the
/// stream. The next frame is found behind it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tcpip_core::{Connection, NetworkStream, endpoint::{ConnectCallbacks, SessionOptions}};
/// # let start = |stream| {
/// #     let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
/// #     Connection::start(NetworkStream::new(stream), SessionOptions::new("example"), "example", events)
/// # };
/// # let (near, far) = tokio::io::duplex(1024);
/// # let (connection, laser) = (start(near)?, start(far)?);
/// use tcpip_core::{Checksum, Damage, Framing};
///
/// let framing = Framing::between(b"\x02", b"\x03").checksum(Checksum::xor().behind_the_end());
/// laser.write(&framing.frame(b"POWER 7.5")?).await?;
/// laser.write(b"\x02POWER 7.6\x03?").await?;
///
/// // Keep the codec for all frames of the connection.
/// let mut codec = framing.codec();
/// assert_eq!(connection.read_frame(&mut codec).await??, &b"POWER 7.5"[..]);
/// let damage = connection.read_frame(&mut codec).await?.unwrap_err();
/// assert!(matches!(damage, Damage::BadChecksum { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Framing {
    cut: Cut,
    coding: Coding,
    checksum: Option<Checksum>,
    limit: usize,
    written: Option<Box<Framing>>,
}

#[derive(Clone, Debug)]
enum Cut {
    Ended(Terminator),
    AnyLineEnd,
    Between(Terminator, Terminator),
    Fixed(usize),
    Lengths(LengthField),
    Blocks,
    Values,
}

impl Framing {
    fn new(cut: Cut) -> Self {
        Self { cut, coding: Coding::Plain, checksum: None, limit: DEFAULT_FRAME_LIMIT, written: None }
    }

    /// Frames that end with a terminator.
    #[must_use]
    pub fn ended_by(terminator: impl Into<Terminator>) -> Self {
        Self::new(Cut::Ended(terminator.into()))
    }

    /// Frames that end with `\r`, `\n` or `\r\n`, and are written with `\r\n`.
    ///
    /// A `\r` ends a frame at once, and a `\n` behind it is swallowed when it comes.
    #[must_use]
    pub fn any_line_end() -> Self {
        Self::new(Cut::AnyLineEnd)
    }

    /// Frames between two marks, as between STX and ETX. What comes between frames is [`Noise`](Damage::Noise), and a
    /// begin mark within a frame begins another one, before which the first is [`Unended`](Damage::Unended).
    #[must_use]
    pub fn between(begin: impl Into<Terminator>, end: impl Into<Terminator>) -> Self {
        Self::new(Cut::Between(begin.into(), end.into()))
    }

    /// Frames with DLE stuffing: between DLE STX and DLE ETX, with each DLE (16) of the content doubled.
    #[must_use]
    pub fn dle() -> Self {
        Self::between(b"\x10\x02", b"\x10\x03").escaped(Escape::with(0x10))
    }

    /// Frames of SLIP (RFC 1055). They are written with an END in front, too, and empty ones are none.
    #[must_use]
    pub fn slip() -> Self {
        Self { coding: Coding::Escaped(SLIP), ..Self::ended_by(0xC0) }
    }

    /// Frames of COBS (Cheshire and Baker, IEEE/ACM Transactions on Networking 7, 1999), each with a 0 behind it. Empty
    /// ones are none.
    #[must_use]
    pub fn cobs() -> Self {
        Self { coding: Coding::Cobs, ..Self::ended_by(0) }
    }

    /// Frames of so many bytes.
    ///
    /// # Panics
    ///
    /// If these are none.
    #[must_use]
    pub fn fixed(size: usize) -> Self {
        assert!(size > 0, "a frame has at least one byte");
        Self { limit: size, ..Self::new(Cut::Fixed(size)) }
    }

    /// Frames whose length is in a header.
    #[must_use]
    pub fn length_prefixed(field: LengthField) -> Self {
        Self::new(Cut::Lengths(field))
    }

    /// The blocks of SCPI (IEEE 488.2, 8.7.9 and 8.7.10): `#`, the number of digits, the length, and so many bytes; or
    /// `#0` and all through `\n`. They are written with a length. Line ends between them are nothing.
    #[must_use]
    pub fn scpi_blocks() -> Self {
        Self::new(Cut::Blocks)
    }

    /// JSON objects and arrays, with white space or nothing between them. The content is the text of one.
    #[must_use]
    pub fn json_values() -> Self {
        Self::new(Cut::Values)
    }

    /// Escapes what looks like a mark in content [between](Self::between) two.
    ///
    /// # Panics
    ///
    /// If the frames are not between marks.
    #[must_use]
    pub fn escaped(self, escape: Escape) -> Self {
        assert!(matches!(self.cut, Cut::Between(..)), "only marks are escaped");
        Self { coding: Coding::Escaped(escape), ..self }
    }

    /// Each frame has a checksum. By default none has.
    #[must_use]
    pub fn checksum(self, checksum: Checksum) -> Self {
        Self { checksum: Some(checksum), ..self }
    }

    /// How many bytes the content of a frame may have, unless all have the same size: before escapes are undone, and
    /// with its checksum if that is [within](Checksum). By default [`DEFAULT_FRAME_LIMIT`]. A longer one is
    /// [`TooLong`](Damage::TooLong).
    ///
    /// The limit of the connection should be larger: it ends the session.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        if let Cut::Fixed(_) = self.cut { self } else { Self { limit: bytes, ..self } }
    }

    /// Frames are written otherwise than they are read: with this terminator, and nothing else.
    #[must_use]
    pub fn written_with(self, terminator: impl Into<Terminator>) -> Self {
        self.written_as(Self::ended_by(terminator))
    }

    /// Frames are written otherwise than they are read.
    #[must_use]
    pub fn written_as(self, framing: Framing) -> Self {
        Self { written: Some(Box::new(framing)), ..self }
    }

    /// Returns what reads and writes such frames. Each direction of a connection has its own, from its beginning.
    #[must_use]
    pub fn codec(&self) -> FrameCodec {
        FrameCodec::new(self.clone())
    }

    /// Returns the frame of that content.
    ///
    /// # Errors
    ///
    /// [`Unframable`] if it cannot be told where it would end.
    pub fn frame(&self, content: impl AsRef<[u8]>) -> Result<Vec<u8>, Unframable> {
        if let Some(written) = &self.written {
            return written.frame(content);
        }
        let mut body = content.as_ref().to_vec();
        if let Some(checksum) = self.checksum_at(|place| place == Place::Within) {
            body.extend(checksum.of(&body));
        }
        let body = self.coding.encode(&body, &self.marks());
        if body.len() > self.limit {
            return Err(Unframable::TooLong);
        }
        let Parts { begin, kept, end } = self.parts(&body)?;
        let frame = [&begin[..], &body[kept..], end].concat();
        let sum = match self.checksum_at(|place| place != Place::Within) {
            None => Vec::new(),
            Some(checksum) if checksum.place() == OF_ALL => checksum.of(&frame),
            Some(checksum) => checksum.of(&frame[begin.len() - kept..]),
        };
        let flushed =
            if matches!(self.cut, Cut::Ended(_)) && matches!(self.coding, Coding::Escaped(_)) { end } else { b"" };
        Ok([flushed, &frame, &sum].concat())
    }

    /// What is around the content `body`.
    fn parts<'a>(&'a self, body: &[u8]) -> Result<Parts<'a>, Unframable> {
        let marked = |begin: &[u8], end: &'a [u8]| Parts { begin: begin.to_vec(), kept: 0, end };
        let parts = match &self.cut {
            Cut::Ended(end) => marked(b"", end),
            Cut::AnyLineEnd => marked(b"", b"\r\n"),
            Cut::Between(begin, end) => marked(begin, end),
            Cut::Fixed(size) if body.len() != *size => return Err(Unframable::WrongSize),
            Cut::Fixed(_) | Cut::Values => marked(b"", b""),
            Cut::Lengths(field) => {
                let (begin, kept) = field.header_of(body)?;
                Parts { begin, kept, end: b"" }
            }
            Cut::Blocks => {
                let length = body.len().to_string();
                marked(format!("#{}{length}", length.len()).as_bytes(), b"")
            }
        };
        // Also of a mark that begins with what ends the content.
        let is_whole = match &self.cut {
            Cut::Ended(end) => find_end(&[body, end].concat(), 0, end) == Some(body.len() + end.len()),
            Cut::AnyLineEnd => !body.iter().any(|byte| matches!(byte, b'\r' | b'\n')),
            Cut::Between(..) | Cut::Values => {
                let frame = [&parts.begin[..], body, parts.end].concat();
                let whole = Whole { begin: parts.begin.len(), content: body.len(), end: parts.end.len() };
                self.cutter().look(&frame, self.limit) == super::cut::Look::Frame(whole)
            }
            Cut::Fixed(_) | Cut::Lengths(_) | Cut::Blocks => true,
        };
        if is_whole { Ok(parts) } else { Err(Unframable::ContainsMark) }
    }

    pub(super) fn cutter(&self) -> Cutter {
        match &self.cut {
            Cut::Ended(end) => Cutter::Ended(Ended::new(end.clone(), !matches!(self.coding, Coding::Plain))),
            Cut::AnyLineEnd => Cutter::AnyLineEnd(AnyLineEnd::default()),
            Cut::Between(begin, end) => {
                let escape = match &self.coding {
                    Coding::Escaped(escape) => Some(escape.byte),
                    Coding::Plain | Coding::Cobs => None,
                };
                Cutter::Marks(Marks::new(begin.clone(), end.clone(), escape))
            }
            Cut::Fixed(size) => Cutter::Fixed(Fixed(*size)),
            Cut::Lengths(field) => Cutter::Lengths(Lengths::new(field.clone())),
            Cut::Blocks => Cutter::Blocks(Blocks::default()),
            Cut::Values => Cutter::Values(Values::default()),
        }
    }

    pub(super) fn content_limit(&self) -> usize {
        self.limit
    }

    /// How many bytes are behind the end of a frame.
    pub(super) fn behind(&self) -> usize {
        self.checksum_at(|place| place != Place::Within).map_or(0, Checksum::len)
    }

    /// The content of a frame, with what is [behind](Self::behind) it.
    pub(super) fn open(&self, mut frame: BytesMut, whole: Whole) -> Result<Bytes, Damage> {
        let sum = frame.split_off(whole.len());
        if let Some(checksum) = self.checksum_at(|place| place != Place::Within) {
            let begin = if checksum.place() == OF_ALL { 0 } else { whole.begin };
            let expected = checksum.of(&frame[begin..]);
            if !checksum.is_same(&sum, &expected) {
                let content = frame.freeze().slice(whole.begin..whole.begin + whole.content);
                return Err(Damage::BadChecksum { content, expected: expected.into() });
            }
        }
        let encoded = frame.freeze().slice(whole.begin..whole.begin + whole.content);
        let Some(mut content) = self.coding.decode(&encoded, &self.marks()) else {
            return Err(Damage::BadEscape(encoded));
        };
        if let Some(checksum) = self.checksum_at(|place| place == Place::Within) {
            let length = content.len().saturating_sub(checksum.len());
            let expected = checksum.of(&content[..length]);
            if !checksum.is_same(&content[length..], &expected) {
                return Err(Damage::BadChecksum { content, expected: expected.into() });
            }
            content.truncate(length);
        }
        Ok(content)
    }

    fn checksum_at(&self, is_there: impl FnOnce(Place) -> bool) -> Option<&Checksum> {
        self.checksum.as_ref().filter(|checksum| is_there(checksum.place()))
    }

    fn marks(&self) -> [&[u8]; 2] {
        match &self.cut {
            Cut::Between(begin, end) => [begin, end],
            _ => [b"", b""],
        }
    }
}

const OF_ALL: Place = Place::Behind { covers_begin: true };

/// What is around the content of a frame that is written.
struct Parts<'a> {
    begin: Vec<u8>,
    /// How much of the content is in `begin` already.
    kept: usize,
    end: &'a [u8],
}
