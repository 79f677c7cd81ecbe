//! What reading can come to.

use std::{io, sync::Arc, time::Duration};

use super::{not_connected, shortened};
use crate::{DisconnectReason, Encoding};

/// A read failed.
///
/// After [`Timeout`](Self::Timeout), [`FrameTooLong`](Self::FrameTooLong), [`Decode`](Self::Decode),
/// [`Json`](Self::Json), [`InvalidStruct`](Self::InvalidStruct), [`EmptySeparator`](Self::EmptySeparator) and
/// [`HandlerReads`](Self::HandlerReads) the session lives and the next read starts at a frame. The others say that
/// there is nothing more to read; after an [`Incomplete`](Self::Incomplete) that the peer did not cause in good order,
/// the next read tells the reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no session: it was never there, was closed at this end, or its end has been reported already.
    #[error("{}", not_connected(endpoint, reason.as_ref()))]
    #[doc(alias = "ConnectionError")]
    NotConnected {
        /// The name of the client or server.
        endpoint: Arc<str>,
        /// Why there is no session any more; `None` if there never was one.
        reason: Option<DisconnectReason>,
    },
    /// The peer has hung up in good order, between two frames. A server that is busy with another client, as those of
    /// `tcpip-server`, does so before it has sent anything.
    #[error("{endpoint}: the peer hung up{}", if *received == 0 { " before it sent anything" } else { "" })]
    EndOfStream {
        /// The name of the client or server at this end.
        endpoint: Arc<str>,
        /// How many bytes had come in the whole session.
        received: u64,
    },
    /// The session ended while the read waited, or had ended and all that had arrived has been read.
    #[error("disconnected: {reason}")]
    Disconnected {
        /// Who ended it, and why.
        reason: DisconnectReason,
    },
    /// The stream ended within a frame.
    #[error("the stream ended {} bytes into a frame", partial.len())]
    #[doc(alias = "IncompleteReadError")]
    Incomplete {
        /// What had come of it. Of a [`Connection`](crate::Connection) at least one byte.
        partial: Vec<u8>,
        /// How many bytes were asked for, if the read knew.
        expected: Option<usize>,
    },
    /// The frame is longer than the limit. Reported once; the next read starts behind the frame.
    #[error("the frame is longer than {limit} bytes")]
    #[doc(alias = "LimitOverrunError")]
    FrameTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// The frame, which has been taken out, is not text in the connection's encoding.
    #[error("the frame is not {encoding} text at byte {position}: {}", shortened(bytes))]
    Decode {
        /// The encoding in force.
        encoding: Encoding,
        /// The frame without its terminator.
        bytes: Vec<u8>,
        /// Where in it the first sequence of bytes begins that is no character.
        position: usize,
    },
    /// The text, which has been taken out, is not JSON for the type asked for.
    #[error("the text is not the JSON expected: {}", shortened(text.as_bytes()))]
    Json {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The bytes, which have been taken out, are no value of the type asked for.
    #[error("the bytes are not a valid {type_name}: {}", shortened(bytes))]
    InvalidStruct {
        /// The type's name.
        type_name: &'static str,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A separator has at least one byte.
    #[error("the separator is empty")]
    EmptySeparator,
    /// A read of generic code, by [`ClientOrServer`](crate::ClientOrServer), through a server or client with a read
    /// loop, whose messages are the handler's. Nothing was read.
    #[error("the read loop's handler does the reading until `stop_reading`")]
    HandlerReads,
    /// The read did not finish in time. Nothing is lost: what comes late is there for the next read.
    #[error("{operation} timed out after {after:?}")]
    Timeout {
        /// The method.
        operation: &'static str,
        /// The deadline that passed.
        after: Duration,
    },
    /// A stream that is not a [`Connection`](crate::Connection) failed.
    #[error("the stream failed")]
    Io(#[source] io::Error),
}

impl ReadError {
    /// Whether this says that there is nothing more to read from the session, whose
    /// [`reason`](crate::Connection::reason) tells why.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::NotConnected { .. }
                | Self::EndOfStream { .. }
                | Self::Disconnected { .. }
                | Self::Incomplete { .. }
                | Self::Io(_)
        )
    }

    /// Returns the kind of [`std::io::Error`] that says the same.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::NotConnected { .. } => io::ErrorKind::NotConnected,
            Self::Disconnected { reason } => reason.io_kind(),
            Self::EndOfStream { .. } | Self::Incomplete { .. } => io::ErrorKind::UnexpectedEof,
            Self::FrameTooLong { .. } | Self::Decode { .. } | Self::Json { .. } | Self::InvalidStruct { .. } => {
                io::ErrorKind::InvalidData
            }
            Self::EmptySeparator => io::ErrorKind::InvalidInput,
            Self::HandlerReads => io::ErrorKind::ResourceBusy,
            Self::Timeout { .. } => io::ErrorKind::TimedOut,
            Self::Io(source) => source.kind(),
        }
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        Self::new(error.io_kind(), error)
    }
}
