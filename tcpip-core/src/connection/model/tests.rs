//! Sessions driven by decisions at random.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    compare_cut, drive,
    flag::Flag,
    kind::{BAD_LENGTH, Kind, Lent, Plain},
};
use crate::{
    FrameBuffer,
    connection::options::SessionOptions,
    session::{Begun, Effects, Place, Receive, Session, Step, Ticket, Way},
};

/// Decisions and their details, so that fewer of them still mean the same.
fn decisions(most: usize) -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; 3]>(), prop::collection::vec(any::<[u8; 2]>(), 0..most))
        .prop_map(|(options, decisions)| [&options[..], &decisions.concat()[..]].concat())
}

/// A stream of characters that mean something.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(prop::sample::select(b"ab\n\r".as_slice()), 1..9),
        1 => Just(b"heartbeat\r\n".to_vec()),
        1 => Just("é€\n".as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..5),
        1 => (1_usize..40).prop_map(|length| [vec![b'x'; length], b"\n".to_vec()].concat()),
    ];
    (any::<[u8; 8]>(), prop::collection::vec(piece, 0..20))
        .prop_map(|(decisions, pieces)| [&decisions[..], &pieces.concat()[..]].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: bytes are read once and in order, the end is told behind them, messages go
    /// out whole and once, who could go on is woken, and a session only goes forward, to one end.
    #[test]
    fn a_session_does_what_it_ought_to(decisions in decisions(150)) {
        drive(&decisions);
    }

    /// In what pieces a stream comes does not matter, nor by which way.
    #[test]
    fn pieces_do_not_matter(input in stream()) {
        compare_cut(&input);
    }
}

fn session(way: Way) -> Session {
    Session::new(Arc::new(SessionOptions::new("test")), way)
}

/// A read that finds nothing in the buffer while the terminator is changed looks again, for the new one: whoever has
/// the buffer, no waker is there to be woken.
#[test]
fn a_change_while_the_buffer_is_lent_is_looked_at() {
    let change = |session: &mut Session, terminator: &[u8; 1], effects: &mut Effects| {
        session.change_text(|text| text.set_terminator(terminator.into()), effects).unwrap();
    };
    let (mut session, mut effects, mut take) = (session(Way::Direct), Effects::default(), Lent(Kind::Text));
    let ticket = session.queue_up();
    let Step::Work(mut work) = session.step(ticket, &mut take, &mut None, &mut effects) else { panic!("it works") };
    let taken = work.run(&mut take);
    let Step::Receive(mut receive) = session.worked(work, taken, &mut take, &mut None, &mut effects) else {
        panic!("it receives");
    };
    FrameBuffer::fill_slot(&mut receive.frames, 0, |room| room.put_slice(b"one|"));
    assert!(session.received(receive.frames, Some(Ok(4)), &mut None, &mut effects));
    let Step::Work(mut work) = session.step(ticket, &mut take, &mut None, &mut effects) else { panic!("it works") };
    let taken = work.run(&mut take);
    change(&mut session, b"|", &mut effects);
    let step = session.worked(work, taken, &mut take, &mut None, &mut effects);
    let Step::Work(mut work) = step else { panic!("it looks again") };
    assert_eq!(work.run(&mut take).unwrap().result.unwrap(), b"one");
    let Step::Receive(receive) = session.worked(work, None, &mut take, &mut None, &mut effects) else {
        panic!("it receives");
    };
    change(&mut session, b";", &mut effects);
    assert!(session.received(receive.frames, None, &mut None, &mut effects), "it looks again");
    effects.run();
}

/// Bytes that a stream gives while a codec gives up are not kept: nobody knows what they would be part of.
#[test]
fn bytes_behind_a_bad_frame_are_dropped() {
    let (mut session, mut effects, mut take) = (session(Way::Queue), Effects::default(), Lent(Kind::Frame));
    session.read_ahead(Ok(1), &[BAD_LENGTH], &mut effects);
    let ticket = session.queue_up();
    let Step::Work(mut work) = session.step(ticket, &mut take, &mut None, &mut effects) else { panic!("it works") };
    let taken = work.run(&mut take);
    let step = session.worked(work, taken, &mut take, &mut None, &mut effects);
    assert!(matches!(step, Step::Done(_)));
    assert!(!session.read_ahead(Ok(5), b"late\n", &mut effects), "nothing more is read");
    assert_eq!((session.counts().received, session.counts().unread), (6, 0));
    effects.run();
}

fn receive(session: &mut Session, ticket: Ticket, kind: Kind, effects: &mut Effects) -> Receive {
    match session.step(ticket, &mut Plain(kind), &mut None, effects) {
        Step::Receive(receive) => receive,
        _ => panic!("it receives"),
    }
}

/// Where there are no turns any more, each read that waits to hear why the stream has ended is woken.
#[test]
fn several_reads_without_turns_are_all_woken() {
    let (mut session, mut effects) = (session(Way::Direct), Effects::default());
    let begun = session.begin_message(&[b"sent"], Place::Last, None, &mut effects);
    let Ok(Begun::Direct(numbered)) = begun else { panic!("the writer may be told why") };
    session.end_turns(&mut effects);
    let (first, second) = (session.queue_up(), session.queue_up());
    let Receive { frames, .. } = receive(&mut session, first, Kind::Text, &mut effects);
    assert!(session.received(frames, Some(Ok(0)), &mut None, &mut effects), "there is no more");
    let flags = [first, second].map(|ticket| {
        let flag = Arc::new(Flag::default());
        let step = session.step(ticket, &mut Plain(Kind::Text), &mut Some(flag.waker()), &mut effects);
        assert!(matches!(step, Step::Wait), "the writer has not returned");
        flag
    });
    assert!(session.offered(&[b"sent"], numbered, Ok(4), &mut effects).is_ok());
    effects.run();
    assert!(flags.iter().all(|flag| flag.is_set()), "{flags:?}");
}

/// Where the limit is nothing, there is room for a byte all the same, and the task that reads ahead is woken for it.
#[test]
fn a_limit_of_nothing_holds_up_nobody() {
    let (mut session, mut effects, flag) = (session(Way::Queue), Effects::default(), Arc::new(Flag::default()));
    session.set_limit(0, &mut effects);
    assert_eq!(session.room_ahead(&mut None, &mut effects), Some(1));
    session.read_ahead(Ok(1), b"a", &mut effects);
    assert_eq!(session.room_ahead(&mut Some(flag.waker()), &mut effects), Some(0));
    assert_eq!(session.take_ready(&mut Plain(Kind::Exact(1))), Some(b"a".to_vec()));
    assert!(session.is_held_up());
    session.room_made(&mut effects);
    effects.run();
    assert!(flag.is_set());
}

/// What is dropped beneath the buffer may have had the end of a frame that was too long: the next message is read.
#[test]
fn nothing_is_skipped_behind_what_was_dropped_unseen() {
    let (mut session, mut effects) = (session(Way::Direct), Effects::default());
    session.set_limit(4, &mut effects);
    let ticket = session.queue_up();
    let mut read = |session: &mut Session, bytes: &[u8]| {
        let Receive { mut frames, .. } = receive(session, ticket, Kind::Line, &mut effects);
        FrameBuffer::fill_slot(&mut frames, 0, |room| room.put_slice(bytes));
        assert!(session.received(frames, Some(Ok(bytes.len())), &mut None, &mut effects));
        match session.step(ticket, &mut Plain(Kind::Line), &mut None, &mut effects) {
            Step::Done(taken) => taken.result,
            _ => panic!("it is done"),
        }
    };
    assert!(read(&mut session, b"too lo").is_err());
    let mut effects = Effects::default();
    assert_eq!(session.discard_input(&mut effects), 0);
    let frames = session.lend_to_system().unwrap();
    session.discarded(frames, b"ng\n".len(), None, &mut effects);
    effects.run();
    assert_eq!(read(&mut session, b"ok\n").unwrap(), b"ok\n");
}
