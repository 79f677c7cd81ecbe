//! What comes of messages, wherever the bytes were cut.

use std::{
    panic,
    sync::{Arc, Mutex},
    thread,
};

use super::{end::LONGEST, *};
use crate::faults::{
    Item, coalesce, custom, double, drop_bytes, fin, replace, reset, sessions,
    stages::bench::{Bench, ms},
    swap, terminator,
};

const TEXT: &[u8] = b"one\r\ntwo\r\n\r\nthree\r\nprompt>";

/// Whatever the chunks, the same comes of it.
#[track_caller]
fn comes_to<F: Fault>(fault: impl Fn() -> Messages<F>, expected: &str) {
    comes_of(TEXT, fault, expected.as_bytes());
}

#[track_caller]
fn comes_of<F: Fault>(sent: &[u8], fault: impl Fn() -> Messages<F>, expected: &[u8]) {
    let cuts = (0..sent.len()).flat_map(|first| (first..sent.len()).map(move |second| (first, second)));
    for (first, second) in cuts {
        let mut bench = Bench::with(fault());
        for chunk in [&sent[..first], &sent[first..second], &sent[second..]] {
            if !chunk.is_empty() {
                bench.chunk(ms(1), chunk);
            }
        }
        bench.end(ms(2));
        let (left, expected) = (bench.bytes().escape_ascii().to_string(), expected.escape_ascii().to_string());
        assert_eq!(left, expected, "cut at {first} and {second}");
    }
}

/// Faults work on messages, which are counted inside and outside alike, wherever the bytes were cut.
#[test]
fn messages_are_counted_wherever_the_bytes_were_cut() {
    const END: &[u8] = b"\r\n";
    comes_to(|| messages(END, drop_bytes()), "prompt>");
    comes_to(|| messages(END, drop_bytes()).skip(1).times(2), "one\r\nthree\r\nprompt>");
    comes_to(|| messages(END, drop_bytes().skip(1).times(2)), "one\r\nthree\r\nprompt>");
    comes_to(|| messages(END, double()).times(1), "one\r\none\r\ntwo\r\n\r\nthree\r\nprompt>");
    comes_to(|| messages(END, swap()), "two\r\none\r\nthree\r\n\r\nprompt>");
    comes_to(|| messages(END, swap()).times(1), "two\r\none\r\n\r\nthree\r\nprompt>");
    comes_to(|| messages(END, swap()).skip(1).times(1), "one\r\n\r\ntwo\r\nthree\r\nprompt>");
    comes_to(|| messages(END, swap()).skip(3), "one\r\ntwo\r\n\r\nprompt>three\r\n");
    comes_to(|| messages(END, terminator("\r")).skip(1).times(1), "one\r\ntwo\r\r\nthree\r\nprompt>");
    comes_to(|| messages(END, terminator("\n")).times(1), "one\ntwo\r\n\r\nthree\r\nprompt>");
    comes_to(|| messages(END, terminator("")).times(1), "onetwo\r\n\r\nthree\r\nprompt>");
    comes_to(|| messages(END, terminator("\r\n\r\n")).times(1), "one\r\n\r\ntwo\r\n\r\nthree\r\nprompt>");
    comes_to(|| messages(END, replace("e", "E3")), "onE3\r\ntwo\r\n\r\nthrE3E3\r\nprompt>");
    comes_to(|| messages(END, fin()).skip(2), "one\r\ntwo\r\n");
    comes_to(|| messages(END, reset().after(2)).skip(1), "one\r\ntw");
    comes_to(|| messages(END, drop_bytes()).after(6), "one\r\ntprompt>");
}

/// A prompt is of no message: it is not waited for, not counted, and not shown to the fault, wherever the bytes were
/// cut.
#[test]
fn a_prompt_goes_on_at_once() {
    const DIALOGUE: &[u8] = b"> >> one\n> two\n> three\n> ";
    let bad = || messages(b"\n", terminator("\r")).prompt("> ").skip(1).times(1);
    comes_of(DIALOGUE, bad, b"> >> one\n> two\r> three\n> ");
    comes_of(DIALOGUE, || messages(b"\n", swap()).prompt("> "), b"> > two\n>> one\n> > three\n");
    comes_of(DIALOGUE, || messages(b"\n", drop_bytes()).prompt("> "), b"> > > > ");
    comes_of(DIALOGUE, || messages(b"\n", reset()).prompt("> ").skip(2), b"> >> one\n> two\n> ");
    comes_of(
        b">\x02\x01>>\x02\x01>",
        || frames(length, double()).prompt(">"),
        b">\x02\x01>\x02\x01>>\x02\x01>\x02\x01>",
    );

    let positions = custom(|event, at, out| match event {
        Event::Chunk(message) => out.send(format!("{}:{}", at.position, message.escape_ascii())),
        event => out.pass(event),
    });
    let mut bench = Bench::with(messages(b"\n", positions).prompt("> "));
    for (chunk, expected) in [(&b">"[..], ""), (b" ", "> "), (b"a\n> b", "> 2:a\\n> "), (b"\n", "> 2:a\\n> 6:b\\n")] {
        bench.chunk(0, chunk);
        assert_eq!(str::from_utf8(&bench.bytes()).unwrap(), expected);
    }
}

/// What looks like a prompt within a message is none, where a long message was cut neither.
#[test]
fn a_prompt_is_where_a_message_begins() {
    let mut bench = Bench::with(messages(b"\n", drop_bytes()).prompt(">"));
    bench.chunk(0, &vec![b'x'; LONGEST]);
    bench.chunk(0, b">>\n>y>\n>");
    assert_eq!(bench.bytes(), b">>");
}

/// A message says where it begins, and several come together when the last of them does.
#[test]
fn messages_come_whole_and_say_where_they_begin() {
    let mut bench = Bench::with(messages(
        b"\n",
        custom(|event, at, out| match event {
            Event::Chunk(message) => out.send(format!("{}:{}", at.position, message.escape_ascii())),
            event => out.pass(event),
        }),
    ));
    for chunk in [&b"a\nb"[..], b"b", b"\n\nc"] {
        bench.chunk(0, chunk);
    }
    let chunks = [&b"0:a\\n"[..], b"2:bb\\n", b"5:\\n"];
    assert_eq!(bench.left, chunks.map(|chunk| (0, Item::Chunk(chunk.into()))));

    let mut bench = Bench::with(messages(b"\n", coalesce(2)));
    for chunk in [&b"a\nb"[..], b"b\nc\n", b"d"] {
        bench.chunk(0, chunk);
    }
    bench.end(ms(1));
    let expected = [(0, &b"a\nbb\n"[..]), (ms(1), b"c\n"), (ms(1), b"d")];
    assert_eq!(bench.left[..3], expected.map(|(at, bytes)| (at, Item::Chunk(bytes.into()))));
    assert_eq!(bench.last(), Some(&Item::End));
}

/// What a fault keeps goes on when it is removed, in order, and a reset drops it.
#[test]
fn what_is_kept_goes_on_when_the_fault_is_removed() {
    let mut bench = Bench::new();
    let id = bench.add(0, messages(b"\n", swap()));
    bench.chunk(ms(1), b"a\nb");
    bench.remove(ms(2), id);
    assert_eq!(bench.bytes(), b"a\nb");

    let mut bench = Bench::with(messages(b"\n", swap()));
    bench.chunk(ms(1), b"a\nb");
    bench.reset(ms(2));
    assert_eq!(bench.left, [(ms(2), Item::Reset)]);
}

/// Frames: a mark, how many bytes follow, and those; the last one is cut off.
const FRAMES: &[u8] = b"\x02\x03\x02\x02\r\x02\0\x02\x05three\x02\x09cut";

fn length(bytes: &[u8]) -> Option<usize> {
    assert_eq!(bytes[0], 2, "a frame begins here");
    Some(2 + usize::from(*bytes.get(1)?))
}

/// Frames that say how long they are have no separator, and are counted as messages are, wherever the bytes were cut.
#[test]
fn frames_are_as_long_as_they_say() {
    comes_of(FRAMES, || frames(length, custom(|event, _, out| out.pass(event))), FRAMES);
    comes_of(FRAMES, || frames(length, drop_bytes()), b"\x02\x09cut");
    comes_of(FRAMES, || frames(length, drop_bytes()).skip(1).times(1), b"\x02\x03\x02\x02\r\x02\x05three\x02\x09cut");
    comes_of(FRAMES, || frames(length, drop_bytes().skip(2)), b"\x02\x03\x02\x02\r\x02\0\x02\x09cut");
    comes_of(FRAMES, || frames(length, swap()).skip(1), b"\x02\x03\x02\x02\r\x02\x05three\x02\0\x02\x09cut");
    comes_of(FRAMES, || frames(length, reset().after(1)).skip(2), b"\x02\x03\x02\x02\r\x02\0\x02");
    comes_of(FRAMES, || frames(length, terminator("!")).times(1), b"\x02\x03\x02\x02!\x02\0\x02\x05three\x02\x09cut");
    let positions = || {
        frames(
            length,
            custom(|event, at, out| match event {
                Event::Chunk(_) => out.send(format!("{}{:?} ", at.position, out.separator())),
                event => out.pass(event),
            }),
        )
    };
    comes_of(FRAMES, positions, b"0None 5None 7None \x02\x09cut");
}

/// A frame that is removed, or reset, in its midst is as a message.
#[test]
fn the_beginning_of_a_frame_goes_on_when_the_fault_is_removed() {
    let mut bench = Bench::new();
    let id = bench.add(0, frames(length, drop_bytes()));
    bench.chunk(ms(1), b"\x02\x01a\x02\x02b");
    bench.remove(ms(2), id);
    bench.chunk(ms(3), b"c");
    assert_eq!(bench.bytes(), b"\x02\x02bc");

    let mut bench = Bench::with(frames(length, drop_bytes()));
    bench.chunk(ms(1), b"\x02\x02b");
    bench.reset(ms(2));
    assert_eq!(bench.left, [(ms(2), Item::Reset)]);
}

/// Sends how many bytes each message has, in place of it.
fn sizes(event: Event<'_>, _: At, out: &mut Out<'_>) {
    match event {
        Event::Chunk(bytes) => out.send(format!("{} ", bytes.len())),
        event => out.pass(event),
    }
}

/// What comes of bytes that are `x`, in chunks of 64 KiB.
fn sizes_of(count: usize, fault: impl Fault) -> String {
    let mut bench = Bench::with(fault);
    vec![b'x'; count].chunks(64 * 1024).for_each(|chunk| bench.chunk(ms(1), chunk));
    let left = bench.bytes();
    bench.end(ms(2));
    format!("{} and {}", left.escape_ascii(), bench.bytes().len() - left.len())
}

/// No more than a mebibyte is kept of one message: it comes in pieces, and where the next one begins is known.
#[test]
fn long_messages_come_in_pieces() {
    let long = LONGEST;
    assert_eq!(sizes_of(long - 1, messages("\n", sizes)), format!(" and {}", long - 1));
    assert_eq!(sizes_of(long * 2 + 3, messages("\n", sizes)), format!("{long} {long}  and 3"));
    assert_eq!(sizes_of(long * 2 + 3, frames(|_| None, sizes)), format!("{long} {long}  and 3"));
    assert_eq!(sizes_of(long * 2 + 4, frames(move |_| Some(long), sizes)), format!("{long} {long}  and 4"));
    let frame = 2 * long + 10;
    let twice = format!("{long} {long} 10 {long} {long} 10  and 7");
    assert_eq!(sizes_of(frame * 2 + 7, frames(move |_| Some(frame), sizes)), twice);
    assert_eq!(sizes_of(long + 7, frames(|_| Some(usize::MAX), sizes)), format!("{long}  and 7"));
}

/// Whose length is known is not asked again.
#[test]
fn a_frame_is_asked_until_its_length_is_known() {
    use std::sync::{Arc, Mutex};

    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    let mut bench = Bench::with(frames(
        move |bytes| {
            asks.lock().unwrap().push(bytes.escape_ascii().to_string());
            bytes.get(1).map(|_| 4)
        },
        sizes,
    ));
    b"abcdef".chunks(1).for_each(|byte| bench.chunk(ms(1), byte));
    bench.chunk(ms(2), b"ghijkl");
    assert_eq!(bench.bytes(), b"4 4 4 ");
    assert_eq!(*asked.lock().unwrap(), ["a", "ab", "e", "ef", "ijkl"]);
}

/// A frame without any byte has no end: who gives such a length is told.
#[test]
#[should_panic(expected = "gives the length 0 for a frame that begins with \"a\\x00\"")]
fn a_frame_has_at_least_one_byte() {
    Bench::with(frames(|bytes| (bytes.len() > 1).then_some(0), sizes)).chunk(ms(1), b"a\0");
}

/// What is no probability is told where it is given, whatever it is given to.
#[test]
fn no_probability_is_told_with_its_place() {
    let (here, places) = (thread::current().id(), Arc::new(Mutex::new(Vec::new())));
    let (before, noted) = (panic::take_hook(), Arc::clone(&places));
    panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == here {
            noted.lock().unwrap().push(panic.location().map(|place| place.file().to_owned()));
        }
        before(panic);
    }));
    let give: [fn(); 7] = [
        || drop(reset().probability(1.5, 7)),
        || drop(reset().times(1).probability(1.5, 7)),
        || drop(messages(b"\n", reset()).probability(1.5, 7)),
        || drop(reset().of_sessions(1.5, 7)),
        || drop(reset().times(1).of_sessions(1.5, 7)),
        || drop(messages(b"\n", reset()).of_sessions(1.5, 7)),
        || drop(sessions(reset).probability(1.5, 7)),
    ];
    for give in give {
        panic::catch_unwind(give).unwrap_err();
    }
    assert_eq!(*places.lock().unwrap(), vec![Some(file!().to_owned()); 7]);
}
