//! The receive buffer: bytes in, frames out, no I/O.

use bytes::{BufMut, BytesMut};

use super::{
    bytes::{Form, KEPT},
    search::find_end,
};

/// The most that is read at once without knowing that more is wanted.
pub(super) const LARGEST_READ: usize = 64 * 1024;

/// The frame at the front is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame is too long")]
pub struct TooLong;

/// What is left to discard of a frame that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Skip {
    /// Everything through this separator.
    Through(Box<[u8]>),
    /// Everything.
    All,
}

/// What is before the separator of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// It is known to be UTF-8.
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// What has been found at the front of the buffer, to be used before anything else happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many bytes it has, with its separator.
    length: usize,
    /// How many of them are its separator.
    separator: usize,
}

impl Found {
    /// All that there is, for who looks for himself.
    pub(crate) const ALL: Self = Self { length: 0, separator: 0 };
}

/// Bytes that have been received and not yet read.
///
/// The buffer does no I/O: the owner [fills](Self::fill) it and takes frames out. No byte is searched twice for the
/// same separator, but for the overlap that a separator of several bytes needs.
///
/// Dropping the buffer drops the bytes in it.
///
/// ```
/// use tcpip_core::FrameBuffer;
///
/// let mut buffer = FrameBuffer::default();
/// buffer.fill(0, |room| room.put_slice(b"one\r\ntw"));
/// assert_eq!(buffer.take_until(b"\r\n", 100, <[u8]>::to_vec), Some(Ok(b"one\r\n".to_vec())));
/// assert_eq!(buffer.take_until(b"\r\n", 100, <[u8]>::to_vec), None);
/// assert_eq!(buffer.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct FrameBuffer {
    pub(super) form: Form,
    /// How many bytes in front have been taken. All of those that there are is none.
    start: usize,
    /// No match of `separator` begins before this position behind `start`.
    scanned: usize,
    separator: Box<[u8]>,
    skip: Option<Skip>,
    /// Bytes have come since it was last seen whether all are text.
    may_be_text: bool,
    /// No text before this position has been taken: the bytes before it are none.
    no_text_before: usize,
    /// How much room the next read gets, grown while reads fill it.
    read_size: usize,
    /// How many bytes a decoder has taken for the frame that it is about.
    kept_by_decoder: usize,
}

impl FrameBuffer {
    /// Returns how many bytes wait to be read. Bytes that are to be skipped do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.skip.is_some() { 0 } else { self.held() }
    }

    /// Returns whether nothing waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nothing would be lost with it: neither bytes, nor what it knows of those to come.
    pub(crate) fn is_unused(&self) -> bool {
        self.capacity() == 0 && self.skip.is_none() && self.kept_by_decoder == 0 && self.read_size <= KEPT
    }

    /// Returns how many bytes of memory the buffer holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.form.capacity()
    }

    /// Has `fill` append received bytes to the room that it is given: some, or for at least `wanted` bytes if that is a
    /// reasonable size; then no more than those, lest what comes behind them be moved later.
    ///
    /// What is to be skipped is discarded, and the room of the next time has the right size: larger after this was
    /// filled, since more may wait.
    pub fn fill<R>(&mut self, wanted: usize, fill: impl FnOnce(&mut dyn BufMut) -> R) -> R {
        let before = self.held();
        // The last bytes of a large frame are not to have all before them moved, for what may come behind.
        let is_tail = before > LARGEST_READ && wanted > 0;
        let enough = wanted.min(LARGEST_READ).max(if is_tail { 0 } else { self.read_size.max(KEPT) / 2 });
        // What has come is moved when the room grows. But who says how much is wanted may have it from the peer.
        let most = wanted.min(LARGEST_READ.max(before.saturating_mul(3))).max(self.read_size).max(KEPT);
        let start = self.start;
        let spare = self.form.spare(&mut self.start, enough, most);
        self.no_text_before = self.no_text_before.saturating_sub(start - self.start);
        let result = if wanted > LARGEST_READ { fill(&mut spare.limit(wanted)) } else { fill(spare) };
        let count = self.held() - before;
        let filled = self.form.len() == self.form.capacity();
        self.may_be_text |= count > 0;
        self.finish_skip();
        if count > 0 {
            let next = if filled { count * 4 } else { count };
            self.read_size = next.clamp(KEPT, LARGEST_READ);
        } else if before == 0 && matches!(self.form, Form::Plain(_)) {
            // Room was made for nothing, and there may be nothing for long.
            self.form.clear();
        }
        result
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let taken = if self.skip.is_some() { 0 } else { self.form.append_text(&mut self.start, bytes) };
        let rest = &bytes[taken..];
        if !rest.is_empty() {
            self.fill(rest.len(), |room| room.put_slice(rest));
        }
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
        self.form.all();
        let end = match self.end_of_frame(separator, limit)? {
            Ok(end) => end,
            Err(error) => return Some(Err(error)),
        };
        let frame = convert(&self.form.whole()[self.start..self.start + end]);
        self.consume(end);
        Some(Ok(frame))
    }

    /// As [`take_until`](Self::take_until), for text. If that is to be UTF-8, it is looked at once for all that has
    /// come. `convert` is given what is before the separator.
    #[inline]
    pub(crate) fn take_text<T>(
        &mut self,
        separator: &[u8],
        limit: usize,
        is_utf8: bool,
        convert: impl FnOnce(Content<'_>) -> T,
    ) -> Option<Result<T, TooLong>> {
        if self.form.is_cut() && !separator.is_ascii() {
            self.form.all();
        }
        let end = match self.end_of_frame(separator, limit)? {
            Ok(end) => end,
            Err(error) => return Some(Err(error)),
        };
        if self.may_be_text && is_utf8 {
            self.look_for_text(separator);
        }
        let payload = self.start..self.start + end - separator.len();
        let content = match &self.form {
            Form::Text(text, _) => text.get(payload.clone()).map(Content::Text),
            Form::Plain(_) | Form::Codec(_) => None,
        };
        let taken = convert(content.unwrap_or_else(|| Content::Bytes(&self.form.whole()[payload])));
        self.consume(end);
        Some(Ok(taken))
    }

    /// Finds the text through `separator`, as [`take_text`](Self::take_text), where that has only to find the end of a
    /// frame. `None` says nothing.
    #[inline]
    pub(crate) fn find_ready_text(&self, separator: &[u8], limit: usize) -> Option<Found> {
        let Form::Text(text, _) = &self.form else { return None };
        // What has been searched in vain is not searched again here, nor is what is to be skipped found.
        if self.scanned > 0 || self.skip.is_some() {
            return None;
        }
        let length = find_end(text.as_bytes(), self.start, separator)? - self.start;
        (length <= limit).then_some(Found { length, separator: separator.len() })
    }

    /// Takes out what was found, as `convert` makes it of the text before the separator.
    #[inline]
    pub(crate) fn use_found<T>(&mut self, found: Found, convert: impl FnOnce(&str) -> T) -> Option<T> {
        let Form::Text(text, _) = &self.form else { return None };
        let taken = convert(text.get(self.start..self.start + found.length - found.separator)?);
        self.consume(found.length);
        Some(taken)
    }

    /// Hands all texts to `use_text` that [`find_ready_text`](Self::find_ready_text) would find, one after the other,
    /// and takes each out once that has returned. How many they are.
    pub(crate) fn use_ready_texts(&mut self, separator: &[u8], limit: usize, mut use_text: impl FnMut(&str)) -> usize {
        let Form::Text(text, _) = &self.form else { return 0 };
        if self.scanned > 0 || self.skip.is_some() {
            return 0;
        }
        let mut count = 0;
        while let Some(end) = find_end(text.as_bytes(), self.start, separator)
            && end - self.start <= limit
            && let Some(payload) = text.get(self.start..end - separator.len())
        {
            use_text(payload);
            self.start = end;
            count += 1;
        }
        self.consume(0);
        count
    }

    /// As [`take_exact`](Self::take_exact), where the bytes are there as they came. `None` says nothing, also of
    /// `convert`.
    #[inline]
    pub(crate) fn take_ready_bytes<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let Form::Plain(bytes) = &self.form else { return None };
        // All that there is may become the result without a copy.
        if count > LARGEST_READ || self.skip.is_some() {
            return None;
        }
        let taken = convert(bytes.get(self.start..)?.get(..count)?)?;
        self.may_be_text = false;
        self.consume(count);
        Some(taken)
    }

    /// Takes exactly `count` bytes out, as `convert` makes them. `None` if they have not all arrived.
    pub fn take_exact<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if self.skip.is_some() && !self.finish_skip() || self.held() < count {
            return None;
        }
        self.may_be_text = false;
        let start = self.start;
        let taken = convert(&self.form.all()[start..start + count]);
        self.consume(count);
        Some(taken)
    }

    /// Takes exactly `count` bytes out: without a copy where they are many and all that there are.
    pub(crate) fn take_bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        if self.skip.is_none() && count > LARGEST_READ && self.start == 0 && self.held() == count {
            return Some(self.take_all());
        }
        self.take_exact(count, <[u8]>::to_vec)
    }

    /// Takes up to `count` bytes out. `None` if there are none.
    pub fn take_some(&mut self, count: usize) -> Option<Vec<u8>> {
        if !self.finish_skip() || count == 0 || self.held() == 0 {
            return None;
        }
        self.take_exact(count.min(self.held()), <[u8]>::to_vec)
    }

    /// Hands all bytes to `decode`, which takes from their front what it wants, and returns a frame once it has all of
    /// one. `None` if there is none, or if a frame that was too long is still to be skipped.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if the frame is longer than `limit`, or what there is of it is as long. So it does not matter in
    /// what pieces it came, nor how many of its bytes the decoder keeps in itself meanwhile.
    pub fn take_with<T, E>(
        &mut self,
        limit: usize,
        decode: impl FnOnce(&mut BytesMut) -> Result<Option<T>, E>,
    ) -> Option<Result<Result<T, E>, TooLong>> {
        if self.skip.is_some() && !self.finish_skip() {
            return None;
        }
        // So that no limit makes an error of nothing at all, it is at least one byte.
        let limit = limit.max(1);
        let (decoded, taken, left) = self.lend(decode);
        let length = std::mem::take(&mut self.kept_by_decoder) + taken;
        match decoded {
            Ok(Some(frame)) if length <= limit => Some(Ok(Ok(frame))),
            Ok(Some(_)) => Some(Err(TooLong)),
            Ok(None) => {
                self.kept_by_decoder = length;
                (length + left >= limit).then_some(Err(TooLong))
            }
            Err(error) => Some(Ok(Err(error))),
        }
    }

    /// Has `take` take a reply out of the front, or of what it needs of that as much as is there. `None` if the reply
    /// is not all there, or if a frame that was too long is still to be skipped.
    #[inline]
    pub(crate) fn take_reply<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.skip.is_some() && !self.finish_skip() {
            return None;
        }
        let before = self.held();
        let taken = take(self);
        let count = before.saturating_sub(self.held());
        self.kept_by_decoder = if taken.is_some() { 0 } else { self.kept_by_decoder + count };
        taken
    }

    /// All bytes. Nothing is to be skipped.
    #[inline]
    pub(crate) fn all(&mut self) -> &[u8] {
        let start = self.start;
        &self.form.all()[start..]
    }

    /// Takes the first `count` bytes out, as `convert` makes them. Nothing is to be skipped.
    #[inline]
    pub(crate) fn take_front<T>(&mut self, count: usize, convert: impl FnOnce(&[u8]) -> T) -> T {
        self.may_be_text = false;
        let taken = convert(&self.all()[..count]);
        self.consume(count);
        taken
    }

    /// Lends all bytes to `decode`, which takes from their front what it wants. Nothing is to be skipped.
    pub(crate) fn lend_to_decoder<T>(&mut self, decode: impl FnOnce(&mut BytesMut) -> T) -> T {
        self.lend(decode).0
    }

    /// Whether a decoder has taken bytes of a frame that it has not made yet.
    pub(crate) fn is_within_frame(&self) -> bool {
        self.kept_by_decoder > 0
    }

    /// Drops all bytes, and returns how many they were.
    pub fn discard(&mut self) -> usize {
        self.kept_by_decoder = 0;
        if !self.finish_skip() {
            return 0;
        }
        let count = self.held();
        self.consume(count);
        count
    }

    /// Checks that no more than `limit` bytes wait.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if more wait. They are then discarded, and so is all that is still to come.
    pub fn check_limit(&mut self, limit: usize) -> Result<(), TooLong> {
        if self.finish_skip() && self.held() > limit {
            self.skip = Some(Skip::All);
            self.finish_skip();
            return Err(TooLong);
        }
        Ok(())
    }

    /// Takes everything out: nothing more will come. What was to be skipped is discarded.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.finish_skip();
        if self.skip.take().is_some() {
            self.consume(self.held());
            return Vec::new();
        }
        self.take_all()
    }

    /// Lends all bytes to `decode`. How many it has taken, and left.
    #[inline]
    fn lend<T>(&mut self, decode: impl FnOnce(&mut BytesMut) -> T) -> (T, usize, usize) {
        // Before, lest a panic leave a position behind the end.
        self.scanned = 0;
        self.may_be_text = false;
        self.no_text_before = 0;
        let bytes = self.form.codec(std::mem::take(&mut self.start));
        let before = bytes.len();
        let decoded = decode(bytes);
        let left = bytes.len();
        if left == 0 {
            self.form.clear();
        }
        (decoded, before.saturating_sub(left), left)
    }

    /// Where the frame through `separator` ends, behind `start`.
    #[inline]
    fn end_of_frame(&mut self, separator: &[u8], limit: usize) -> Option<Result<usize, TooLong>> {
        assert!(!separator.is_empty(), "a separator has at least one byte");
        // An empty frame is never too long, so that no limit makes an error of nothing at all.
        let limit = limit.max(separator.len());
        if self.skip.is_some() && !self.finish_skip() {
            return None;
        }
        if self.scanned > 0 && *self.separator != *separator {
            self.scanned = 0;
        }
        match find_end(self.form.whole(), self.start + self.scanned, separator) {
            Some(end) if end - self.start > limit => {
                self.consume(end - self.start);
                Some(Err(TooLong))
            }
            Some(end) => Some(Ok(end - self.start)),
            None if self.held() >= limit => {
                self.skip = Some(Skip::Through(separator.into()));
                self.finish_skip();
                Some(Err(TooLong))
            }
            None => {
                let whole = self.form.whole().len() - self.start;
                self.scanned = self.scanned.max((whole + 1).saturating_sub(separator.len()));
                // Where nothing has been scanned, nobody asks for what.
                if self.scanned > 0 && *self.separator != *separator {
                    self.separator = separator.into();
                }
                None
            }
        }
    }

    /// Makes text of what is there if it is, once for all that has come. A separator that is no ASCII may begin in the
    /// middle of a character.
    #[cold]
    fn look_for_text(&mut self, separator: &[u8]) {
        self.may_be_text = false;
        if separator.is_ascii() && self.start >= self.no_text_before {
            self.no_text_before = self.form.make_text(&mut self.start).unwrap_or(0);
        }
    }

    /// Discards the rest of a frame that was too long, as far as it is here. Whether that is done.
    fn finish_skip(&mut self) -> bool {
        let start = self.start;
        let kept = match &self.skip {
            None => return true,
            Some(Skip::All) => 0,
            Some(Skip::Through(separator)) => match find_end(self.form.all(), start, separator) {
                Some(end) => {
                    self.skip = None;
                    self.consume(end - start);
                    return true;
                }
                None => (self.form.len() - start).min(separator.len() - 1),
            },
        };
        self.consume(self.held() - kept);
        false
    }

    /// How many bytes there are.
    #[inline]
    fn held(&self) -> usize {
        self.form.len() - self.start
    }

    fn take_all(&mut self) -> Vec<u8> {
        let start = std::mem::take(&mut self.start);
        (self.scanned, self.no_text_before) = (0, 0);
        let mut bytes = std::mem::take(self.form.plain());
        if start > 0 {
            bytes.drain(..start);
        }
        bytes
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        self.start += count;
        self.scanned = 0;
        if self.start == self.form.len() {
            (self.start, self.no_text_before) = (0, 0);
            self.form.clear();
        }
    }
}
