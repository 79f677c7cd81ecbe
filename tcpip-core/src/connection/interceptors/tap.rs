//! Listening in on a session.

use tokio::time::Instant;

use crate::{DisconnectReason, connection::Connection};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to this end.
    Received,
    /// From this end to the peer.
    Sent,
}

/// How one direction of a session has ended. Each is more of an end than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ChunkEnd {
    /// In good order: nothing more comes this way, and the other direction may go on. More cannot be seen of a peer.
    Fin,
    /// The same, and this end reads no more.
    Close,
    /// By a reset, after which nothing comes either way.
    Reset,
}

/// Who listens in on the bytes of sessions as they pass the transport, for transcripts: an option,
/// [`tap_chunks`](crate::ConnectionOptions::tap_chunks).
///
/// It is called by whoever reads or writes, with no lock held: it must be quick, and a panic of it is logged. Dropping
/// it does nothing.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tcpip_core::{ChunkTap, Connection, ConnectionOptions, Direction};
/// use tokio::{sync::mpsc, time::Instant};
///
/// /// For a task that writes it down, and that keeps up: this does not wait for it.
/// struct Transcript(mpsc::UnboundedSender<(Instant, Direction, Vec<u8>)>);
///
/// impl ChunkTap for Transcript {
///     fn chunk(&self, _device: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
///         let _ = self.0.send((at, direction, bytes.to_vec()));
///     }
/// }
///
/// let (sender, lines) = mpsc::unbounded_channel();
/// let options = ConnectionOptions::new().tap_chunks(Arc::new(Transcript(sender)));
/// # assert_ne!(options, ConnectionOptions::new());
/// # assert!(lines.is_empty());
/// ```
pub trait ChunkTap: Send + Sync + 'static {
    /// Bytes have passed: what one call of the system, or one poll of the stream, has received or taken. They are as
    /// on the wire: received ones before a [`Filter`](crate::Filter) has them, sent ones behind it. What this end
    /// drops while it closes is not told.
    ///
    /// `at` is when received bytes had come out of the transport, and when sent ones were about to be given to it: so
    /// that a command is earlier than its reply. Each direction is told in its order; on several threads both may be
    /// told at once.
    fn chunk(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]);

    /// A session has begun, and nothing of it has passed yet; unless, on several threads, somebody was very quick.
    /// Default: nothing.
    fn began(&self, _connection: &Connection) {}

    /// A direction has ended behind its chunks: `at` is when that was seen, or when this end was about to do it. Told
    /// once, and once more if the end becomes [more of one](ChunkEnd): a reset may come behind a FIN.
    ///
    /// The peer's end is told when all that came before it has been. If that stays with the system, unread, neither is.
    /// What the peer does once this end has closed is not told. Default: nothing.
    fn ended(&self, _connection: &Connection, _direction: Direction, _at: Instant, _end: ChunkEnd) {}
}

/// Who listens in on the frames of sessions, for wire logs: an option,
/// [`tap_frames`](crate::ConnectionOptions::tap_frames).
///
/// It is called by whoever reads or writes, with no lock held, for one frame of a session at a time: it must be quick,
/// and a panic of it is logged. Dropping it does nothing.
///
/// A received frame is what one read takes: a header and a body that are read one after the other are two, and what a
/// decoder takes for an item of [`read_frame`](Connection::read_frame) is one. Of a [`Filter`](crate::Filter), received
/// frames are what it has made of the bytes, sent ones too, and its answers are among these.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use tcpip_core::{Connection, ConnectionOptions, Direction, FrameTap};
/// use tokio::time::Instant;
///
/// /// Logs what is said, and what nobody has listened to.
/// struct WireLog;
///
/// impl FrameTap for WireLog {
///     fn frame(&self, device: &Connection, direction: Direction, _at: Instant, bytes: &[u8]) {
///         tracing::debug!(device = device.name(), ?direction, "{}", bytes.escape_ascii());
///     }
///
///     fn unread(&self, device: &Connection, _at: Instant, bytes: &[u8]) {
///         tracing::warn!(device = device.name(), "unread: {}", bytes.escape_ascii());
///     }
/// }
///
/// let options = ConnectionOptions::new().tap_frames(Arc::new(WireLog));
/// # assert_ne!(options, ConnectionOptions::new());
/// ```
pub trait FrameTap: Send + Sync + 'static {
    /// A frame has passed: what a read has taken out of the buffer, whatever it has made of it, its terminator and
    /// what it has passed over included; or a message that is queued, as it goes out. Received and sent ones each come
    /// in the order of the wire, but for messages of [`write_ahead`](Connection::write_ahead).
    ///
    /// `at` is when the last byte of a received frame came out of the transport, and when a sent one was queued.
    fn frame(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]);

    /// No read has taken these bytes: [`discard_input`](Connection::discard_input) has dropped them, or the session has
    /// ended. The last of them came `at`. If it was the peer who ended it, reads may still take them, which is not told
    /// any more; what was then still with the system is not told.
    fn unread(&self, connection: &Connection, at: Instant, bytes: &[u8]);

    /// The session has ended, and nothing more of it will be told. Default: nothing.
    fn ended(&self, _connection: &Connection, _reason: &DisconnectReason) {}
}
