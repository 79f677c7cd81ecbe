//! What the reads of bytes and structures take out of the buffer.

use std::{marker::PhantomData, mem::needs_drop};

use zerocopy::TryFromBytes;

use crate::{
    ReadError,
    framing::TooLong,
    session::{Take, Unread},
    stream_helpers::struct_from,
};

/// The frame through a separator.
pub(in crate::connection) struct Until<'a> {
    pub(in crate::connection) separator: &'a [u8],
}

impl Take for Until<'_> {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        take_until(unread, self.separator, <[u8]>::to_vec)
    }
}

/// The frame through a separator, for code of the user's.
pub(in crate::connection) struct UntilWith<'a, F> {
    pub(in crate::connection) separator: &'a [u8],
    pub(in crate::connection) use_bytes: Option<F>,
}

impl<T, F: FnOnce(&[u8]) -> T> Take for UntilWith<'_, F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        take_until(unread, self.separator, |frame| {
            let use_bytes = self.use_bytes.take().expect("one frame is taken");
            use_bytes(frame)
        })
    }
}

/// Takes the next frame through `separator` that is no heartbeat, as `convert` makes it of the bytes.
fn take_until<T>(
    unread: &mut Unread<'_>,
    separator: &[u8],
    mut convert: impl FnMut(&[u8]) -> T,
) -> Option<Result<T, ReadError>> {
    let Unread { frames, text, limit, heartbeats } = unread;
    let may_be_heartbeat = heartbeats.are_noted() && *separator == **text.terminator();
    loop {
        let convert = |frame: &[u8]| {
            let is_heartbeat = may_be_heartbeat && heartbeats.notes(text, &frame[..frame.len() - separator.len()]);
            (!is_heartbeat).then(|| convert(frame))
        };
        match within(frames.take_until(separator, *limit, convert)?, *limit) {
            Ok(None) => {}
            Ok(Some(taken)) => return Some(Ok(taken)),
            Err(error) => return Some(Err(error)),
        }
    }
}

pub(in crate::connection) struct Line;

impl Take for Line {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        unread.frames.take_until(b"\n", unread.limit, <[u8]>::to_vec).map(|taken| within(taken, unread.limit))
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

/// So many bytes, which become the result without another copy if they are many.
pub(in crate::connection) struct Bytes {
    pub(in crate::connection) count: usize,
}

impl Take for Bytes {
    type Output = Vec<u8>;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        unread.frames.take_bytes(self.count).map(Ok)
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<Vec<u8>> {
        unread.frames.take_ready_bytes(self.count, |bytes| Some(bytes.to_vec()))
    }
}

/// A binary structure.
pub(in crate::connection) struct Struct<T> {
    value: PhantomData<fn() -> T>,
}

impl<T> Struct<T> {
    pub(in crate::connection) fn new() -> Self {
        Self { value: PhantomData }
    }
}

impl<T: TryFromBytes> Take for Struct<T> {
    type Output = T;

    fn expected(&self) -> Option<usize> {
        Some(size_of::<T>())
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<T> {
        unread.frames.take_ready_bytes(size_of::<T>(), |bytes| T::try_read_from_bytes(bytes).ok())
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        unread.frames.take_exact(size_of::<T>(), struct_from::<T>)
    }
}

/// A binary structure, into the place of another, which saves to copy it more than once.
pub(in crate::connection) struct StructInto<'a, T>(pub(in crate::connection) &'a mut T);

impl<T: TryFromBytes> Take for StructInto<'_, T> {
    type Output = ();

    // The old value's drop.
    const RUNS_USERS_CODE: bool = needs_drop::<T>();

    fn expected(&self) -> Option<usize> {
        Some(size_of::<T>())
    }

    #[inline]
    fn take_ready(&mut self, unread: &mut Unread<'_>) -> Option<()> {
        unread.frames.take_ready_bytes(size_of::<T>(), |bytes| {
            *self.0 = T::try_read_from_bytes(bytes).ok()?;
            Some(())
        })
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<(), ReadError>> {
        let taken = unread.frames.take_exact(size_of::<T>(), struct_from::<T>)?;
        Some(taken.map(|value| *self.0 = value))
    }
}

/// So many bytes, for code of the user's.
pub(in crate::connection) struct ExactWith<F> {
    pub(in crate::connection) count: usize,
    pub(in crate::connection) convert: Option<F>,
}

impl<T, F: FnOnce(&[u8]) -> T> Take for ExactWith<F> {
    type Output = T;

    const RUNS_USERS_CODE: bool = true;

    fn expected(&self) -> Option<usize> {
        Some(self.count)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<T, ReadError>> {
        let convert = &mut self.convert;
        unread.frames.take_exact(self.count, |bytes| convert.take().map(|convert| convert(bytes)))?.map(Ok)
    }
}

pub(in crate::connection) struct Available {
    pub(in crate::connection) count: usize,
}

impl Take for Available {
    type Output = Vec<u8>;

    fn expected(&self) -> Option<usize> {
        (self.count == 0).then_some(0)
    }

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        if self.count == 0 { Some(Ok(Vec::new())) } else { unread.frames.take_some(self.count).map(Ok) }
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

pub(in crate::connection) struct ToEnd;

impl Take for ToEnd {
    type Output = Vec<u8>;

    fn take(&mut self, unread: &mut Unread<'_>) -> Option<Result<Vec<u8>, ReadError>> {
        within(unread.frames.check_limit(unread.limit), unread.limit).err().map(Err)
    }

    fn take_rest(&mut self, rest: Vec<u8>) -> Result<Vec<u8>, ReadError> {
        Ok(rest)
    }
}

/// The error of a frame that is too long.
pub(in crate::connection) fn within<T>(taken: Result<T, TooLong>, limit: usize) -> Result<T, ReadError> {
    taken.map_err(|TooLong| ReadError::FrameTooLong { limit })
}
