//! The receive buffer: bytes in, frames out, no I/O.

use bytes::{Buf, BytesMut};
use memchr::memmem;

/// What an empty buffer keeps of its memory, and the size of the first allocation.
const KEPT: usize = 512;

/// The most that is read at once without knowing that more is wanted.
const LARGEST_READ: usize = 64 * 1024;

/// The frame at the front is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame is too long")]
pub struct TooLong;

/// What is left to discard of a frame that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Skip {
    /// Everything through this separator.
    Through(Vec<u8>),
    /// Everything.
    All,
}

/// Bytes that have been received and not yet read.
///
/// The buffer does no I/O: the owner appends to [`spare`](Self::spare) what arrives and takes frames out. No byte is
/// searched twice for the same separator, but for the overlap that a separator of several bytes needs.
///
/// Dropping the buffer drops the bytes in it.
///
/// ```
/// use tcpip_core::FrameBuffer;
///
/// let mut buffer = FrameBuffer::default();
/// buffer.spare(0).extend_from_slice(b"one\r\ntw");
/// assert_eq!(buffer.take_until(b"\r\n", 100, <[u8]>::to_vec), Some(Ok(b"one\r\n".to_vec())));
/// assert_eq!(buffer.take_until(b"\r\n", 100, <[u8]>::to_vec), None);
/// assert_eq!(buffer.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: BytesMut,
    /// No match of `separator` begins before this position.
    scanned: usize,
    separator: Vec<u8>,
    skip: Option<Skip>,
    /// How much room the next read gets, grown while reads fill it.
    read_size: usize,
    /// How many bytes a decoder has taken for the frame that it is about.
    kept_by_decoder: usize,
}

impl FrameBuffer {
    /// How many bytes wait to be read. Bytes that are to be skipped do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.skip.is_some() { 0 } else { self.bytes.len() }
    }

    /// Whether nothing waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of memory the buffer holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The buffer to append received bytes to, with room for some; for at least `wanted` bytes if that is a
    /// reasonable size.
    ///
    /// Call [`received`](Self::received) with how many were appended.
    pub fn spare(&mut self, wanted: usize) -> &mut BytesMut {
        let wanted = wanted.min(LARGEST_READ.max(self.bytes.len()));
        let enough = wanted.max(self.read_size.max(KEPT) / 2);
        if self.bytes.capacity() - self.bytes.len() < enough && !self.bytes.try_reclaim(enough) {
            self.bytes.reserve(wanted.max(self.read_size).max(KEPT));
        }
        &mut self.bytes
    }

    /// Notes that `count` bytes were appended. What is to be skipped is discarded, and the next [`spare`](Self::spare)
    /// has the right size: larger after a read that filled the buffer, since more may wait.
    pub fn received(&mut self, count: usize) {
        let filled = self.bytes.len() == self.bytes.capacity();
        self.finish_skip();
        self.read_size = if filled { (count * 4).clamp(KEPT, LARGEST_READ) } else { count.clamp(KEPT, LARGEST_READ) };
    }

    /// Takes the frame through `separator` out, as `convert` makes it of the bytes with the separator.
    ///
    /// `None` if it has not all arrived.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the frame is longer than `limit`, separator included, and not empty. The frame is then discarded,
    /// also the part of it that is still to come.
    ///
    /// # Panics
    ///
    /// If `separator` is empty.
    pub fn take_until<T>(
        &mut self,
        separator: &[u8],
        limit: usize,
        convert: impl FnOnce(&[u8]) -> T,
    ) -> Option<Result<T, TooLong>> {
        assert!(!separator.is_empty(), "a separator has at least one byte");
        // An empty frame is never too long, so that no limit makes an error of nothing at all.
        let limit = limit.max(separator.len());
        if !self.finish_skip() {
            return None;
        }
        match self.find(separator) {
            Some(end) if end > limit => {
                self.consume(end);
                Some(Err(TooLong))
            }
            Some(end) => Some(Ok(self.take(end, convert))),
            None if self.bytes.len() >= limit => {
                self.skip = Some(Skip::Through(separator.to_vec()));
                self.finish_skip();
                Some(Err(TooLong))
            }
            None => None,
        }
    }

    /// Takes exactly `count` bytes out, as `convert` makes them. `None` if they have not all arrived.
    pub fn take_exact<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> Option<T> {
        (self.finish_skip() && self.bytes.len() >= count).then(|| self.take(count, convert))
    }

    /// Takes up to `count` bytes out. `None` if there are none.
    pub fn take_some(&mut self, count: usize) -> Option<Vec<u8>> {
        if !self.finish_skip() || count == 0 || self.bytes.is_empty() {
            return None;
        }
        Some(self.take(count.min(self.bytes.len()), <[u8]>::to_vec))
    }

    /// Hands all bytes to `decode`, which takes from their front what it wants, and returns a frame once it has all of
    /// one. `None` if there is none, or if a frame that was too long is still to be skipped.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the frame is longer than `limit`, or what there is of it is as long. So it does not matter in what
    /// pieces it came, nor how many of its bytes the decoder keeps in itself meanwhile.
    pub fn take_with<T, E>(
        &mut self,
        limit: usize,
        decode: impl FnOnce(&mut BytesMut) -> Result<Option<T>, E>,
    ) -> Option<Result<Result<T, E>, TooLong>> {
        if !self.finish_skip() {
            return None;
        }
        // So that no limit makes an error of nothing at all, it is at least one byte.
        let limit = limit.max(1);
        // Before, lest a panic leave a position behind the end.
        self.scanned = 0;
        let before = self.bytes.len();
        let decoded = decode(&mut self.bytes).transpose();
        self.kept_by_decoder += before.saturating_sub(self.bytes.len());
        let length = self.kept_by_decoder;
        let is_too_long = match &decoded {
            None => length + self.bytes.len() >= limit,
            Some(Ok(_)) => length > limit,
            Some(Err(_)) => false,
        };
        if decoded.is_some() {
            self.kept_by_decoder = 0;
        }
        self.let_go_if_empty();
        if is_too_long { Some(Err(TooLong)) } else { decoded.map(Ok) }
    }

    /// Drops all bytes. How many they were.
    pub fn discard(&mut self) -> usize {
        self.kept_by_decoder = 0;
        if !self.finish_skip() {
            return 0;
        }
        let count = self.bytes.len();
        self.consume(count);
        count
    }

    /// Checks that no more than `limit` bytes wait.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if more wait. They are then discarded, and so is all that is still to come.
    pub fn check_limit(&mut self, limit: usize) -> Result<(), TooLong> {
        if self.finish_skip() && self.bytes.len() > limit {
            self.skip = Some(Skip::All);
            self.finish_skip();
            return Err(TooLong);
        }
        Ok(())
    }

    /// Takes everything out: nothing more will come. What was to be skipped is discarded.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.finish_skip();
        let rest = if self.skip.take().is_some() { Vec::new() } else { self.bytes.to_vec() };
        self.consume(self.bytes.len());
        rest
    }

    /// Discards the rest of a frame that was too long, as far as it is here. Whether that is done.
    fn finish_skip(&mut self) -> bool {
        let kept = match &self.skip {
            None => return true,
            Some(Skip::All) => 0,
            Some(Skip::Through(separator)) => match memmem::find(&self.bytes, separator) {
                Some(start) => {
                    let end = start + separator.len();
                    self.skip = None;
                    self.consume(end);
                    return true;
                }
                None => self.bytes.len().min(separator.len() - 1),
            },
        };
        self.consume(self.bytes.len() - kept);
        false
    }

    /// Where the first frame that ends with `separator` ends.
    fn find(&mut self, separator: &[u8]) -> Option<usize> {
        if self.separator != separator {
            separator.clone_into(&mut self.separator);
            self.scanned = 0;
        }
        let from = self.scanned;
        if let Some(start) = memmem::find(&self.bytes[from..], separator) {
            return Some(from + start + separator.len());
        }
        self.scanned = from.max((self.bytes.len() + 1).saturating_sub(separator.len()));
        None
    }

    fn take<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> T {
        let taken = convert(&self.bytes[..count]);
        self.consume(count);
        taken
    }

    fn consume(&mut self, count: usize) {
        self.bytes.advance(count);
        self.scanned = 0;
        self.let_go_if_empty();
    }

    /// An empty buffer keeps little memory.
    fn let_go_if_empty(&mut self) {
        if self.bytes.is_empty() {
            // Moves the empty window back to the start, after which `capacity` is that of the whole allocation.
            let _ = self.bytes.try_reclaim(self.bytes.capacity() + 1);
            // Less than the first allocation is the rest of memory that a codec has cut a frame out of, who knows how large.
            if self.bytes.capacity() != KEPT {
                self.bytes = BytesMut::new();
            }
        }
    }
}
