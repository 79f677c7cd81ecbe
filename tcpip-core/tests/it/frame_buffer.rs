//! The receive buffer against a model that is too simple to be wrong.

use bytes::Buf;
use proptest::prelude::*;
use tcpip_core::{FrameBuffer, TooLong};

/// The most that an empty buffer keeps.
const KEPT: usize = 1024;

/// Several of these overlap themselves or each other.
const SEPARATORS: [&[u8]; 7] = [b"a", b"aa", b"ab", b"aba", b"abab", b"aab", b"c"];

/// All that has come and not gone, and what is to be skipped. Searches everything from the start, each time.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    skip: Option<Skip>,
}

enum Skip {
    Through(Vec<u8>),
    All,
}

impl Model {
    fn len(&self) -> usize {
        if self.skip.is_some() { 0 } else { self.bytes.len() }
    }

    fn skipped(&mut self) -> bool {
        match &self.skip {
            None => return true,
            Some(Skip::All) => self.bytes.clear(),
            Some(Skip::Through(separator)) => {
                if let Some(end) = end_of_frame(&self.bytes, separator) {
                    self.bytes.drain(..end);
                    self.skip = None;
                }
            }
        }
        self.skip.is_none()
    }

    fn take_until(&mut self, separator: &[u8], limit: usize) -> Option<Result<Vec<u8>, TooLong>> {
        if !self.skipped() {
            return None;
        }
        // An empty frame is never too long.
        let limit = limit.max(separator.len());
        match end_of_frame(&self.bytes, separator) {
            Some(end) => {
                let frame = self.bytes.drain(..end).collect();
                Some(if end > limit { Err(TooLong) } else { Ok(frame) })
            }
            None if self.bytes.len() >= limit => {
                self.skip = Some(Skip::Through(separator.to_vec()));
                Some(Err(TooLong))
            }
            None => None,
        }
    }

    fn take_exact(&mut self, count: usize) -> Option<Vec<u8>> {
        (self.skipped() && self.bytes.len() >= count).then(|| self.bytes.drain(..count).collect())
    }

    fn take_some(&mut self, count: usize) -> Option<Vec<u8>> {
        let count = count.min(if self.skipped() { self.bytes.len() } else { 0 });
        (count > 0).then(|| self.bytes.drain(..count).collect())
    }

    fn check_limit(&mut self, limit: usize) -> Result<(), TooLong> {
        if self.skipped() && self.bytes.len() > limit {
            self.skip = Some(Skip::All);
            return Err(TooLong);
        }
        Ok(())
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.skipped();
        let rest = std::mem::take(&mut self.bytes);
        if self.skip.take().is_some() { Vec::new() } else { rest }
    }
}

fn end_of_frame(bytes: &[u8], separator: &[u8]) -> Option<usize> {
    bytes.windows(separator.len()).position(|window| window == separator).map(|start| start + separator.len())
}

#[derive(Clone, Debug)]
enum Step {
    Receive(Vec<u8>),
    Until(&'static [u8], usize),
    Exact(usize),
    Some(usize),
    CheckLimit(usize),
    Rest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let separator = prop::sample::select(SEPARATORS.to_vec());
    let limit = prop_oneof![1 => 0usize..4, 4 => 4usize..40, 1 => Just(usize::MAX)];
    let step = prop_oneof![
        8 => text(0..12).prop_map(Step::Receive),
        8 => (separator, limit.clone()).prop_map(|(separator, limit)| Step::Until(separator, limit)),
        2 => (0usize..10).prop_map(Step::Exact),
        2 => (0usize..10).prop_map(Step::Some),
        1 => limit.prop_map(Step::CheckLimit),
        1 => Just(Step::Rest),
    ];
    prop::collection::vec(step, 0..60)
}

fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![4 => Just(b'a'), 3 => Just(b'b'), 1 => Just(b'c')], length)
}

fn receive(buffer: &mut FrameBuffer, bytes: &[u8]) {
    buffer.fill(0, |room| room.put_slice(bytes));
}

/// Appends from `bytes` as a socket would: as much as there is room for.
fn receive_into_room(buffer: &mut FrameBuffer, bytes: &[u8], wanted: usize) -> usize {
    buffer.fill(wanted, |room| {
        let count = bytes.len().min(room.chunk_mut().len());
        room.put_slice(&bytes[..count]);
        count
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever arrives, however it is cut, and whatever is taken in between, the buffer gives what the model gives.
    #[test]
    fn the_buffer_gives_what_the_model_gives(steps in steps()) {
        let (mut buffer, mut model) = (FrameBuffer::default(), Model::default());
        for step in steps {
            match step {
                Step::Receive(bytes) => {
                    receive(&mut buffer, &bytes);
                    model.bytes.extend(bytes);
                    model.skipped();
                }
                Step::Until(separator, limit) => prop_assert_eq!(
                    buffer.take_until(separator, limit, <[u8]>::to_vec),
                    model.take_until(separator, limit)
                ),
                Step::Exact(count) =>
                    prop_assert_eq!(buffer.take_exact(count, <[u8]>::to_vec), model.take_exact(count)),
                Step::Some(count) => prop_assert_eq!(buffer.take_some(count), model.take_some(count)),
                Step::CheckLimit(limit) => prop_assert_eq!(buffer.check_limit(limit), model.check_limit(limit)),
                Step::Rest => prop_assert_eq!(buffer.take_rest(), model.take_rest()),
            }
            prop_assert_eq!(buffer.len(), model.len());
            prop_assert_eq!(buffer.is_empty(), model.len() == 0);
            prop_assert!(!buffer.is_empty() || buffer.capacity() <= KEPT);
        }
    }

    /// A separator cut at any place, and a frame that is too long, give the same results as the uncut stream.
    /// Failure 12.
    #[test]
    fn chunks_do_not_change_the_frames(
        stream in text(0..200),
        cuts in prop::collection::vec(1usize..9, 1..40),
        separator in prop::sample::select(SEPARATORS.to_vec()),
        limit in 1usize..30,
    ) {
        let frames = |buffer: &mut FrameBuffer| {
            std::iter::from_fn(|| buffer.take_until(separator, limit, <[u8]>::to_vec)).collect::<Vec<_>>()
        };
        let mut whole = FrameBuffer::default();
        receive(&mut whole, &stream);
        let expected = frames(&mut whole);

        let (mut cut, mut found, mut left) = (FrameBuffer::default(), Vec::new(), &stream[..]);
        for length in cuts.iter().cycle() {
            let chunk = left.len().min(*length);
            receive(&mut cut, &left[..chunk]);
            found.extend(frames(&mut cut));
            left.advance(chunk);
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(cut.take_rest(), whole.take_rest());
    }

    /// Frames of any size leave at most 1 KiB behind once the buffer is empty, whichever way they were taken.
    #[test]
    fn an_empty_buffer_keeps_at_most_1_kib(
        sizes in prop::collection::vec((1usize..200_000, 0usize..3), 1..6)
    ) {
        let mut buffer = FrameBuffer::default();
        for (size, way) in sizes {
            let mut frame = vec![b'x'; size];
            frame[size - 1] = b'\n';
            let mut left = &frame[..];
            while !left.is_empty() {
                let wanted = if way == 1 { left.len() } else { 0 };
                let count = receive_into_room(&mut buffer, left, wanted);
                prop_assert!(count > 0);
                left.advance(count);
            }
            let taken = match way {
                0 => buffer.take_until(b"\n", size, <[u8]>::to_vec).unwrap().unwrap(),
                1 => buffer.take_exact(size, <[u8]>::to_vec).unwrap(),
                _ => buffer.take_rest(),
            };
            prop_assert_eq!(taken.len(), size);
            prop_assert!(buffer.capacity() <= KEPT, "{} bytes kept", buffer.capacity());
        }
    }
}

/// A search for another separator begins at the front again.
#[test]
fn another_separator_is_searched_from_the_front() {
    let mut buffer = FrameBuffer::default();
    receive(&mut buffer, b"one;two");
    assert_eq!(buffer.take_until(b"\n", 100, <[u8]>::to_vec), None);
    assert_eq!(buffer.take_until(b";", 100, <[u8]>::to_vec), Some(Ok(b"one;".to_vec())));
    assert_eq!(buffer.take_until(b"\n", 100, <[u8]>::to_vec), None);
    receive(&mut buffer, b"\n");
    assert_eq!(buffer.take_until(b"\n", 100, <[u8]>::to_vec), Some(Ok(b"two\n".to_vec())));
}

/// A frame of exactly the limit, separator included, is taken; one byte more is too long, and found so at once.
#[test]
fn the_limit_includes_the_separator() {
    let mut buffer = FrameBuffer::default();
    receive(&mut buffer, b"abc\r\nabcd\r\nabcde");
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), Some(Ok(b"abc\r\n".to_vec())));
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), Some(Err(TooLong)));
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), Some(Err(TooLong)));
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), None);
    receive(&mut buffer, b"fgh\r");
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), None);
    receive(&mut buffer, b"\nxyz\r\n");
    assert_eq!(buffer.take_until(b"\r\n", 5, <[u8]>::to_vec), Some(Ok(b"xyz\r\n".to_vec())));
}

/// 64 MiB without a separator are reported once, discarded in bounded memory, and do no harm to what follows.
#[test]
fn a_frame_of_64_mib_is_skipped_in_bounded_memory() {
    const LIMIT: usize = 64 * 1024;
    let chunk = vec![b'x'; 1024 * 1024];
    let mut buffer = FrameBuffer::default();
    let (mut reports, mut most) = (0, 0);
    for _ in 0..64 {
        let mut left = &chunk[..];
        while !left.is_empty() {
            left.advance(receive_into_room(&mut buffer, left, 0));
            most = most.max(buffer.capacity());
            match buffer.take_until(b"\r\n", LIMIT, <[u8]>::to_vec) {
                Some(Err(TooLong)) => reports += 1,
                None => {}
                Some(Ok(frame)) => panic!("a frame of {} bytes", frame.len()),
            }
        }
    }
    assert_eq!(reports, 1);
    assert!(most <= 4 * LIMIT, "{most} bytes of memory");
    receive(&mut buffer, b"tail\r\nnext\r\n");
    assert_eq!(buffer.take_until(b"\r\n", LIMIT, <[u8]>::to_vec), Some(Ok(b"next\r\n".to_vec())));
    assert!(buffer.capacity() <= KEPT);
}

/// A wish for an enormous number of bytes allocates no more than what has arrived justifies.
#[test]
fn a_large_wish_does_not_allocate_in_advance() {
    let mut buffer = FrameBuffer::default();
    for _ in 0..10 {
        receive_into_room(&mut buffer, &[0; 1000], usize::MAX);
        assert_eq!(buffer.take_exact(usize::MAX, <[u8]>::len), None);
    }
    assert!(buffer.capacity() <= 256 * 1024, "{} bytes of memory", buffer.capacity());
}

/// The room for a large frame grows a few times, fourfold, and the frame's last bytes find theirs: it has as much
/// memory as bytes in the end.
#[test]
fn the_last_bytes_of_a_large_frame_move_nothing() {
    const LENGTH: usize = 3_970_000;
    let (mut buffer, mut received, mut capacities) = (FrameBuffer::default(), 0, Vec::new());
    while received < LENGTH {
        let count = 60_000.min(LENGTH - received);
        receive_into_room(&mut buffer, &vec![7; count], LENGTH - received);
        received += count;
        capacities.push(buffer.capacity());
    }
    capacities.dedup();
    assert!(capacities.len() <= 6, "moved {} times: {capacities:?}", capacities.len());
    assert_eq!(buffer.capacity(), LENGTH);
    assert_eq!(buffer.take_exact(LENGTH, <[u8]>::len), Some(LENGTH));
}
