//! Listening in on a session.

use tokio::time::Instant;

use super::Connection;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to this end.
    Received,
    /// From this end to the peer.
    Sent,
}

/// Who listens in on the bytes of sessions as they pass the transport, for transcripts: an option,
/// [`tap_chunks`](crate::ConnectionOptions::tap_chunks).
///
/// It is called by whoever reads or writes, with no lock held: it must be quick, and a panic of it is logged. Dropping
/// it does nothing.
pub trait ChunkTap: Send + Sync + 'static {
    /// Bytes have passed: what one call of the system, or one poll of the stream, has received or taken, before a filter
    /// or behind it. What this end drops while it closes is not told.
    ///
    /// `at` is when received bytes had come out of the transport, and when sent ones were about to be given to it: so
    /// that a command is earlier than its reply. Each direction is told in its order; on several threads both may be
    /// told at once.
    fn chunk(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]);
}

/// Who listens in on the frames of sessions, for wire logs: an option,
/// [`tap_frames`](crate::ConnectionOptions::tap_frames).
///
/// It is called by whoever reads or writes, with no lock held, for one frame of a session at a time: it must be quick,
/// and a panic of it is logged. Dropping it does nothing.
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
}
