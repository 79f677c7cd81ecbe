//! Steps, their times, and how a play ends.

use super::*;

/// The dome of the format's description, as a server, at its times.
#[test]
fn a_dialogue_is_played() {
    let script = crate::script::script::tests::CORPUS[0];
    let mut played = Played::server(script);
    played.run().unwrap();
    assert_eq!(played.did(), [r"ACE Main Box\n>"]);
    played.receive(b"?\r\n280.00").unwrap();
    played.pass_ms(2).unwrap();
    assert_eq!(played.did.len(), 1);
    played.pass_ms(1).unwrap();
    assert_eq!(played.did()[1], r"MAIN CLOSED 000\nPOSN 285.00\n>");
    assert_eq!(played.captured("azimuth"), b"285.00");
    played.receive(b" MV\r\n").unwrap();
    played.end().unwrap();
    assert_eq!(played.did()[2..], [">", "close"]);
    assert!(played.engine.finish().is_none());
}

#[test]
fn times_count_from_the_step_before_or_from_connecting() {
    let mut played = Played::server(
        "+20ms < \"a\"\n+5ms < \"b\"\n> \"?\"\n+10ms < \"c\"\n@1s < \"d\"\nwait 1.5s\n< \"e\"\n@1s < \"f\"\n",
    );
    played.pass_ms(100).unwrap();
    played.receive(b"?").unwrap();
    played.pass_ms(10_000).unwrap();
    let did: Vec<(u64, &str)> = played.did.iter().map(|(at, did)| (*at, &**did)).collect();
    assert_eq!(did, [(20, "a"), (25, "b"), (110, "c"), (1000, "d"), (2500, "e"), (2500, "f")]);
}

/// A step has its own deadline, that of the script, or 5 s; its time before it counts too.
#[test]
fn a_step_has_a_deadline() {
    for (script, last) in [
        ("> \"a\"", 5000),
        ("deadline 2s\n> \"a\"", 2000),
        ("deadline 2s\n> \"a\" within 3s", 3000),
        ("+500ms > \"a\" within 3s", 3500),
        ("wait 1s\n@1.5s > \"a\" within 1s", 2500),
        ("wait 1s\n> \"a\" within 1s", 2000),
        ("> fin within 1s", 1000),
        ("> reset within 1s", 1000),
        ("repeat 2\n> \"a\" within 1s\nend", 1000),
        ("any order\n> \"a\" within 1s\nand\n> \"b\" within 2s\nend", 2000),
        ("one of\n> \"a\" within 1s\nor\n> \"b\" within 2s\nend", 2000),
    ] {
        let mut played = Played::server(script);
        played.pass_ms(last - 1).unwrap();
        let failure = played.pass_ms(1).unwrap_err();
        assert!(matches!(failure.reason(), FailureReason::Timeout { .. }), "{script}: {failure}");
    }
    let mut played = Played::server("< \"a\"\n> \"b\" LF within 1s\n");
    played.receive(b"b").unwrap();
    let failure = played.pass_ms(1000).unwrap_err();
    let expected = concat!(
        "script:2:7: nothing more came within 1s for LF at byte 1 of the step of line 2\n",
        "  > \"b\" LF within 1s\n        ^^\ncame: \"b\"",
    );
    assert_eq!(failure.to_string(), expected);
    assert_eq!((failure.line(), failure.expected(), failure.at()), (2, "LF", 1));
}

/// A peer that takes nothing is not written to for ever.
#[test]
fn a_write_has_a_deadline() {
    let mut played = Played::server("< \"a\" within 1s\n");
    assert!(matches!(played.engine.poll(played.now), Output::Send(_)));
    let Output::Wait(Some(until)) = played.engine.poll(played.now) else { panic!("it is being written") };
    assert_eq!(until - played.now, Duration::from_secs(1));
    let failure = match played.engine.poll(until) {
        Output::Failed(failure) => failure,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&failure), "1:1: it could not be written");
}

#[test]
fn the_end_of_the_stream_is_told_behind_what_came_before() {
    // Expected, it is a step.
    for end in ["fin", "close"] {
        let mut played = Played::server(&format!("> \"a\"\n> {end}\n< \"b\"\n"));
        played.receive(b"a").unwrap();
        played.end().unwrap();
        assert_eq!(played.did(), ["b"]);
    }
    let mut played = Played::server("> \"a\"\n> reset\n");
    played.engine.receive(Side::Client, b"a");
    played.reset().unwrap();
    assert!(played.engine.is_done());
    // After the end in good order there may be a reset.
    let mut played = Played::server("> fin\n> reset\n");
    played.end().unwrap();
    played.reset().unwrap();
    assert!(played.engine.is_done());
    // A peer that is gone resets what reaches it; its end came before.
    let mut played = Played::server("> fin\n> reset\n");
    played.engine.end(Side::Client);
    played.reset().unwrap();
    assert!(played.engine.is_done());
    // Unexpected, it ends the play if bytes are missing.
    for (script, bytes, is_reset, expected) in [
        ("> \"ab\"\n", "a", false, "1:3: the stream ended before \"ab\" at byte 1 of the step of line 1"),
        ("> \"ab\"\n", "a", true, "1:3: the connection was reset before \"ab\" at byte 1 of the step of line 1"),
        ("> \"ab\"\n", "x", true, "1:3: what came does not fit \"ab\" at byte 0 of the step of line 1"),
        ("> fin\n", "x", false, "1:1: what came does not fit the end of the stream at byte 0 of the step of line 1"),
        (
            "> fin\n",
            "",
            true,
            "1:1: the connection was reset before the end of the stream at byte 0 of the step of line 1",
        ),
        ("> reset\n", "", false, "1:1: the stream ended before a reset at byte 0 of the step of line 1"),
    ] {
        let mut played = Played::server(script);
        played.engine.receive(Side::Client, bytes.as_bytes());
        let failure = if is_reset { played.reset() } else { played.end() }.unwrap_err();
        assert_eq!(said(&failure), expected);
    }
    // What arrived before is matched first.
    let mut played = Played::server("> \"a\"\n> \"b\"\n");
    played.engine.receive(Side::Client, b"ab");
    played.reset().unwrap();
    assert!(played.engine.finish().is_none());
}

#[test]
fn a_side_that_has_ended_does_no_more() {
    let mut played =
        Played::server("< fin\n> \"a\"\n< close\n> \"b\"\n> fin\nany order\n> \"c\"\nend\nrepeat\n> \"d\"\nend\n");
    played.receive(b"a").unwrap();
    assert_eq!(played.did(), ["fin", "close"]);
    // It reads no more, so it cannot see what the peer does.
    played.receive(b"other").unwrap();
    assert!(played.engine.is_done() && played.engine.finish().is_none());
    for (script, expected) in [
        ("< fin\n< \"a\"\n", "2:1: this side has ended before"),
        ("< close\n< close\n", "2:1: this side has ended before"),
        ("< reset\n< fin\n", "2:1: this side has ended before"),
    ] {
        assert_eq!(said(&Played::server(script).run().unwrap_err()), expected);
    }
    let mut played = Played::server("> \"a\"\n< \"b\"\n");
    played.engine.receive(Side::Client, b"a");
    assert_eq!(said(&played.reset().unwrap_err()), "2:1: the connection has been reset");
}

/// The client connects once without saying, and again where the script says it.
#[test]
fn a_client_connects_again() {
    let script = "> \"a\"\n< close\n> connect\n@10ms < \"b\"\n> \"c\"\n";
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    assert_eq!(played.did(), ["close", "connect"]);
    played.receive(b"c").unwrap();
    played.pass_ms(10).unwrap();
    assert_eq!(played.did()[2..], ["b"]);
    assert!(played.engine.finish().is_none());
    let mut played = Played::new(script, Side::Client);
    played.run().unwrap();
    played.engine.end(Side::Server);
    played.run().unwrap();
    assert_eq!(played.did(), ["a", "connect"]);
    played.engine.receive(Side::Server, b"b");
    played.run().unwrap();
    assert_eq!(played.did(), ["a", "connect", "c"]);
    // What no step has taken before is left over.
    let mut played = Played::server("> \"a\"\n> connect\n");
    assert_eq!(said(&played.receive(b"ab").unwrap_err()), "2:1: the client has sent more than the script expects");
}

/// The first step may say that the client connects for the first time, within a block and behind what comes unasked
/// too.
#[test]
fn the_first_step_may_say_that_the_client_connects() {
    for script in [
        "> connect\n> \"a\"\n< \"b\"\n> connect\n> \"a\"\n< \"b\"\n",
        "repeat 2\n> connect\n> \"a\"\n< \"b\"\nend\n",
        "any time\n> \"beat\"\nend\nrepeat 0\n> \"x\"\nend\n\
         repeat 1\nrepeat 2\n> connect\n> \"a\"\n< \"b\"\nend\nend\n",
    ] {
        let mut played = Played::server(script);
        played.receive(b"a").unwrap();
        assert_eq!(played.did(), ["b", "connect"], "{script}");
        played.receive(b"a").unwrap();
        assert_eq!(played.did(), ["b", "connect", "b"], "{script}");
        assert!(played.engine.finish().is_none(), "{script}");
    }
    let mut played = Played::alone("repeat 2\n> connect within 2s\n> \"a\"\nend\n", Side::Server);
    assert!(matches!(played.engine.poll(played.now), Output::Connect));
    played.pass_ms(1999).unwrap();
    assert_eq!(said(&played.pass_ms(1).unwrap_err()), "1:1: nobody connected");
    // When that was does not matter any more.
    let mut played = Played::new("repeat 1\n+1h > connect\n> \"a\"\nend\n", Side::Client);
    played.pass_ms(0).unwrap();
    assert_eq!(played.did(), ["a"]);
    // Behind a step it is another time.
    let mut played = Played::new("every 1s\n> \"T\"\nend\nwait 1s\n> connect\n> \"a\"\n", Side::Client);
    played.pass_ms(1000).unwrap();
    assert_eq!(played.did(), ["T", "connect", "a"]);
}

/// Who connects has the deadline of the step, if there is one, or that of who waits for it.
#[test]
fn nobody_is_waited_for_for_ever() {
    let mut played = Played::alone("> connect within 2s\n> \"a\"\n", Side::Server);
    assert!(matches!(played.engine.poll(played.now), Output::Connect));
    played.pass_ms(1999).unwrap();
    assert!(matches!(played.pass_ms(1).unwrap_err().reason(), FailureReason::Timeout { .. }));
    let mut played = Played::alone("> \"a\"\n", Side::Server);
    assert!(matches!(played.engine.poll(played.now), Output::Connect));
    played.pass(Duration::from_hours(1)).unwrap();
    played.engine.connect_within(Duration::from_secs(1), played.now);
    played.pass_ms(999).unwrap();
    assert_eq!(said(&played.pass_ms(1).unwrap_err()), "1:1: nobody connected");
    // Nor where the play ends before.
    let mut played = Played::alone("> \"a\"\n", Side::Server);
    assert!(matches!(played.engine.poll(played.now), Output::Connect));
    assert_eq!(said(&played.engine.finish().unwrap()), "1:1: this was not reached: nobody connected");
    let mut played = Played::server("> \"a\"\n");
    assert_eq!(said(&played.engine.finish().unwrap()), "1:1: this was not reached");
}

#[test]
fn what_arrives_during_a_wait_is_kept_up_to_a_limit() {
    let mut played = Played::server("wait 1s\n> \"a\"*1048576 \"b\"\n< \"c\"\n");
    played.receive(&vec![b'a'; (1 << 20) - 1]).unwrap();
    assert!(played.engine.is_reading(Side::Client));
    played.receive(b"a").unwrap();
    assert!(!played.engine.is_reading(Side::Client));
    played.pass_ms(1000).unwrap();
    // What the step expects is read, however much that is.
    assert!(played.engine.is_reading(Side::Client));
    played.receive(b"b").unwrap();
    assert_eq!(played.did(), ["c"]);
}

#[test]
fn silence_is_broken_by_anything() {
    let script = "> \"a\"\nsilence 1s\n> \"b\"\n";
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    played.pass_ms(1000).unwrap();
    played.receive(b"b").unwrap();
    assert!(played.engine.finish().is_none());
    let mut played = Played::server(script);
    assert_eq!(said(&played.receive(b"ab").unwrap_err()), "2:1: something came while nothing may come");
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    played.pass_ms(999).unwrap();
    assert_eq!(played.receive(b"b").unwrap_err().came(), b"b");
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    assert!(played.end().is_err());
}

/// At the end, nothing is left over, and every step was reached.
#[test]
fn nothing_is_left_over() {
    let mut played = Played::server("> \"a\"\n");
    played.receive(b"ab\n").unwrap();
    let failure = played.engine.finish().unwrap();
    assert!(matches!(failure.reason(), FailureReason::LeftOver));
    assert_eq!(failure.came(), b"b\n");
    let mut played = Played::server("> \"a\"\n> \"b\"\n< \"c\"\n");
    played.receive(b"a").unwrap();
    let failure = played.engine.finish().unwrap();
    assert!(matches!(failure.reason(), FailureReason::NotReached));
    assert_eq!((said(&failure), failure.line()), ("2:1: this was not reached".to_owned(), 2));
    let mut played = Played::server("any order\n> \"a\"\nand\n> \"b\"\nend\n");
    played.receive(b"a").unwrap();
    assert_eq!(said(&played.engine.finish().unwrap()), "1:1: this was not reached");
}

/// A script goes on with another, where the one before has ended.
#[test]
fn a_script_is_continued() {
    let mut played = Played::server("> {word a} CR\n");
    played.receive(b"x\ry").unwrap();
    assert!(played.engine.is_done());
    played.pass_ms(10_000).unwrap();
    played.engine.go_on(Script::parse("> \"y\"\n< $a\n").unwrap(), played.now).unwrap();
    played.run().unwrap();
    assert_eq!(played.did(), ["x"]);
    let cannot = played.engine.go_on(Script::parse("< {word} LF\n").unwrap(), played.now);
    assert!(cannot.is_err());
}

/// A player is told at the beginning what it cannot play.
#[test]
fn what_cannot_be_played_is_told_at_once() {
    let now = Instant::now();
    for (script, role, expected) in [
        ("> {word} LF", Side::Client, "1:3: the client cannot send this, which has no example"),
        ("< \"a\" xor(json [1, {int}])", Side::Server, "1:11: the server cannot send this, which has no example"),
        ("< json [_]", Side::Server, "1:3: the server cannot send this, which has no example"),
        ("every 1s\n< {word} LF\nend", Side::Server, "2:3: the server cannot send this, which has no example"),
        (
            "repeat\n< \"a\"\nend",
            Side::Server,
            "1:1: the server cannot play `repeat` without a number, which it begins",
        ),
        ("repeat 2\none of\n< \"a\"\nend\nend", Side::Server, "2:1: the server cannot play `one of`, which it begins"),
        (
            "repeat\none of\n> \"a\"\nend\nend",
            Side::Client,
            "1:1: the client cannot play `repeat` without a number, which it begins",
        ),
    ] {
        let script = Script::parse(script).unwrap();
        let fault = Engine::new(script.clone(), Some(role), now).unwrap_err();
        let told = fault.to_string();
        assert!(told.starts_with(&format!("script:{expected}\n")), "{told}");
        assert!(Engine::new(script.clone(), Some(role.other()), now).is_ok());
        assert!(Engine::new(script, None, now).is_ok());
    }
}

/// The time that is left is that of the steps that are left.
#[test]
fn the_time_left_is_that_of_the_steps_left() {
    let script = concat!(
        "deadline 1s\n> \"a\"\n+500ms < \"b\"\nwait 2s\nrepeat 3\n> \"c\"\nend\nany order\n> \"d\"\n",
        "and\n> \"e\"\nend\nrepeat\n> \"f\"\nend\n",
    );
    let mut played = Played::server(script);
    let seconds = |played: &Played| played.engine.time_left().as_secs_f64();
    assert!((seconds(&played) - 10.5).abs() < 1e-9);
    played.receive(b"a").unwrap();
    played.pass_ms(2500).unwrap();
    assert!((seconds(&played) - 6.0).abs() < 1e-9);
    played.receive(b"ccce").unwrap();
    assert!(seconds(&played) < 4.5);
}

/// Both sides are expected where none is played: as a transcript is checked.
#[test]
fn both_sides_are_expected() {
    let script = concat!(
        "< {..} \">\"\n> \"?\" CR LF\nwait 5s\n< {word a} \" >\"\nrepeat\none of\n> \"x\"\nor\n> \"y\"\n",
        "end\nend\n> fin\n< close\n",
    );
    let play = |reply: &str, rest: &str| {
        let now = Instant::now();
        let mut engine = Engine::new(Script::parse(script).unwrap(), None, now).unwrap();
        assert!(matches!(engine.poll(now), Output::Connect));
        engine.connected(now);
        engine.receive(Side::Server, b"hello>");
        engine.receive(Side::Client, b"?\r\n");
        engine.receive(Side::Server, reply.as_bytes());
        engine.receive(Side::Client, rest.as_bytes());
        engine.end(Side::Client);
        engine.end(Side::Server);
        assert!(matches!(engine.poll(now), Output::Done | Output::Failed(_)));
        engine.finish().map(|failure| said(&failure))
    };
    assert_eq!(play("ok >", "xyx"), None);
    assert_eq!(
        play("ok >x", "xyx").unwrap(),
        "13:1: what came does not fit the end of the stream at byte 0 of the step of line 13"
    );
    assert_eq!(play("o k>", "").unwrap(), "4:12: what came does not fit \" >\" at byte 2 of the step of line 4");
    assert_eq!(
        play("ok >", "xz").unwrap(),
        "12:1: what came does not fit the end of the stream at byte 0 of the step of line 12"
    );
}
