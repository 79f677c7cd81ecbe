//! The receive buffer and the forms of its memory, against a model.

use bytes::BytesMut;
use proptest::prelude::*;

use super::{
    frame_buffer::{Content, FrameBuffer, LARGEST_READ},
    search::find_end,
};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Fill(Vec<u8>),
    Text,
    /// All that are no longer than that.
    Texts(usize),
    Until(&'static [u8]),
    Exact(usize),
    Decode(usize),
    /// So many of the first, one at a time.
    Reply(usize),
}

/// Text with characters of every length, now and then none, cut anywhere.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let character = prop_oneof![
        6 => Just(&b"a"[..]),
        3 => Just(&b"\n"[..]),
        2 => Just("é".as_bytes()),
        2 => Just("€".as_bytes()),
        2 => Just("🔭".as_bytes()),
        1 => Just(&b"\xf0\x9f"[..]),
        1 => Just(&b"\xff"[..]),
    ];
    let whole = prop::collection::vec(character, 0..12).prop_map(|characters| characters.concat());
    (whole, 0_usize..4).prop_map(|(mut bytes, less)| {
        bytes.truncate(bytes.len().saturating_sub(less));
        bytes
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let separators = vec![&b"\n"[..], "é".as_bytes(), b"\x9f", b"a"];
    let step = prop_oneof![
        4 => piece().prop_map(Step::Append),
        4 => piece().prop_map(Step::Fill),
        6 => Just(Step::Text),
        2 => (1_usize..12).prop_map(Step::Texts),
        1 => prop::sample::select(separators).prop_map(Step::Until),
        1 => (0_usize..6).prop_map(Step::Exact),
        1 => (0_usize..6).prop_map(Step::Decode),
        2 => (0_usize..6).prop_map(Step::Reply),
    ];
    prop::collection::vec(step, 0..40)
}

fn take_front(model: &mut Vec<u8>, separator: &[u8]) -> Option<Vec<u8>> {
    find_end(model, 0, separator).map(|end| model.drain(..end).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever form the bytes have, each read takes what is in front; what is said to be text is.
    #[test]
    fn the_form_does_not_change_what_is_read(steps in steps()) {
        let (mut buffer, mut model) = (FrameBuffer::default(), Vec::<u8>::new());
        for step in steps {
            match step {
                Step::Append(bytes) => {
                    buffer.append(&bytes);
                    model.extend(bytes);
                }
                Step::Fill(bytes) => {
                    buffer.fill(0, |room| room.put_slice(&bytes));
                    model.extend(bytes);
                }
                Step::Text => {
                    let taken = buffer.take_text(b"\n", 1000, true, |content| [content.bytes(), b"\n"].concat());
                    prop_assert_eq!(taken, take_front(&mut model, b"\n").map(Ok));
                }
                Step::Texts(limit) => {
                    let mut texts = Vec::new();
                    let count = buffer.use_ready_texts(b"\n", limit, |text| texts.push(format!("{text}\n")));
                    prop_assert_eq!(count, texts.len());
                    for text in texts {
                        prop_assert!(text.len() <= limit);
                        prop_assert_eq!(Some(text.into_bytes()), take_front(&mut model, b"\n"));
                    }
                    if let Some(found) = buffer.find_ready_text(b"\n", limit) {
                        prop_assert_eq!(buffer.use_found(found, str::to_owned), None, "it has left one");
                    }
                }
                Step::Until(separator) => {
                    let taken = buffer.take_until(separator, 1000, <[u8]>::to_vec);
                    prop_assert_eq!(taken, take_front(&mut model, separator).map(Ok));
                }
                Step::Exact(count) => {
                    let front = (model.len() >= count).then(|| model.drain(..count).collect());
                    prop_assert_eq!(buffer.take_exact(count, <[u8]>::to_vec), front);
                }
                Step::Decode(count) => {
                    let decode = |bytes: &mut BytesMut| {
                        Ok::<_, ()>((bytes.len() > count).then(|| bytes.split_to(count).to_vec()))
                    };
                    let front = (model.len() > count).then(|| Ok(model.drain(..count).collect()));
                    prop_assert_eq!(buffer.take_with(1000, decode), front.map(Ok));
                }
                Step::Reply(count) => {
                    let mut reply = Vec::new();
                    let taken = buffer.take_reply(|frames| {
                        assert_eq!(frames.all(), model);
                        while reply.len() < count && !frames.is_empty() {
                            reply.push(frames.take_front(1, |front| front[0]));
                        }
                        (reply.len() == count).then_some(())
                    });
                    prop_assert_eq!(taken.is_some(), model.len() >= count);
                    prop_assert_eq!(buffer.is_within_frame(), taken.is_none() && !reply.is_empty());
                    prop_assert!(model.starts_with(&reply));
                    model.drain(..reply.len());
                    buffer.take_reply(|_| Some(()));
                }
            }
            prop_assert_eq!(buffer.len(), model.len());
        }
        prop_assert_eq!(buffer.take_rest(), model);
    }
}

/// What has been searched is not searched again: a separator that appears there afterwards is not found.
#[test]
fn no_byte_is_scanned_twice() {
    for separator in [&b"\n"[..], b"\r\n", b"end", b"a long one"] {
        let (length, overlap) = (100, separator.len() - 1);
        for tampered in 0..length {
            let mut buffer = FrameBuffer::default();
            buffer.fill(0, |room| room.put_slice(&vec![b'x'; length]));
            assert_eq!(buffer.take_until(separator, 1000, <[u8]>::to_vec), None);
            // Behind the buffer's back, and completed by what arrives next.
            let end = (tampered + separator.len()).min(length);
            buffer.form.plain()[tampered..end].copy_from_slice(&separator[..end - tampered]);
            buffer.fill(0, |room| room.put_slice(&separator[end - tampered..]));
            let found = buffer.take_until(separator, 1000, <[u8]>::to_vec).is_some();
            assert_eq!(found, tampered >= length - overlap, "{separator:?} at {tampered}");
        }
    }
}

/// Many bytes that are all that there are become the result without a copy; otherwise, and of few, a copy is made.
#[test]
fn many_bytes_become_the_result_without_a_copy() {
    for (count, behind, is_same) in
        [(LARGEST_READ + 1, 0, true), (LARGEST_READ + 1, 1, false), (LARGEST_READ, 0, false)]
    {
        let mut buffer = FrameBuffer::default();
        buffer.fill(0, |room| room.put_slice(&vec![b'x'; count + behind]));
        let memory = buffer.form.whole().as_ptr();
        let taken = buffer.take_bytes(count).unwrap();
        assert_eq!((taken.as_ptr() == memory, taken.len(), buffer.len()), (is_same, count, behind));
    }
}

/// What is no text does not keep what comes behind it from being known as text, once it has been taken.
#[test]
fn text_behind_what_is_none_is_known_as_text() {
    let is_text = |content: Content<'_>| matches!(content, Content::Text(_));
    let mut buffer = FrameBuffer::default();
    buffer.fill(0, |room| room.put_slice(b"one\n\xff\ntwo\nthr"));
    assert_eq!(buffer.take_text(b"\n", 100, true, is_text), Some(Ok(false)), "all is looked at at once");
    assert_eq!(buffer.take_text(b"\n", 100, true, is_text), Some(Ok(false)));
    buffer.fill(0, |room| room.put_slice(b"ee\n"));
    assert_eq!(buffer.take_text(b"\n", 100, true, is_text), Some(Ok(true)));
    let found = buffer.find_ready_text(b"\n", 100).unwrap();
    assert_eq!(buffer.use_found(found, str::to_owned), Some("three".to_owned()));
}

/// A read of bytes may end within a character of what is known as text, and more may come then than there is room for.
#[test]
fn bytes_up_to_the_middle_of_a_character_leave_the_rest() {
    let mut buffer = FrameBuffer::default();
    buffer.fill(0, |room| room.put_slice("a\né".as_bytes()));
    assert_eq!(buffer.take_text(b"\n", 100, true, |content| content.bytes().to_vec()), Some(Ok(b"a".to_vec())));
    assert_eq!(buffer.take_exact(1, <[u8]>::to_vec), Some(vec![0xc3]));
    let more = vec![b'b'; 1000];
    buffer.append(&more);
    assert_eq!(buffer.take_rest(), [&b"\xa9"[..], &more].concat());
}
