//! What is no frame, and what none can be made of.

use bytes::Bytes;

/// Bytes that came and are no frame. It is told as an item between frames, and the next frame is found: a decoder's
/// error would end the session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A frame whose content is longer than the limit. It is dropped.
    #[error("a frame has more than {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// Bytes between frames that belong to none: up to the limit at once.
    #[error("{} bytes belong to no frame", .0.len())]
    Noise(Bytes),
    /// A frame, from its beginning, before whose end another frame begins, or the stream ends.
    #[error("a frame has no end")]
    Unended(Bytes),
    /// The header of a frame whose length makes no sense. Where the next frame begins nobody knows: behind it, it is
    /// assumed.
    #[error("the length of a frame makes no sense")]
    BadLength(Bytes),
    /// The content of a frame in which an escape means nothing, or which is not COBS.
    #[error("a frame is wrongly escaped")]
    BadEscape(Bytes),
    /// A frame with another checksum than its content has.
    #[error("the checksum of a frame is wrong")]
    BadChecksum {
        /// The content, with the checksum where that is part of it.
        content: Bytes,
        /// The checksum that it ought to have, in the form of the device.
        expected: Bytes,
    },
}

/// Content of which no frame can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unframable {
    /// It has more bytes than the limit, or than the header can say.
    #[error("the content is too long for a frame")]
    TooLong,
    /// It has another size than all frames have, or is shorter than the header that it is to bring.
    #[error("the content has the wrong size for a frame")]
    WrongSize,
    /// It has a mark in it, and would be read as something else.
    #[error("the content would be read as another frame")]
    ContainsMark,
}
