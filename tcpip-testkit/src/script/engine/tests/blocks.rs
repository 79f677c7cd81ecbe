//! Blocks.

use super::*;

/// Plays as a server what arrives in these chunks, with time between them, and returns what it did.
fn serve(script: &str, chunks: &[&[u8]]) -> Result<String, ScriptFailure> {
    let mut played = Played::server(script);
    played.run()?;
    for chunk in chunks {
        played.receive(chunk)?;
        played.pass_ms(1)?;
    }
    match played.engine.finish() {
        None => Ok(played.did().join(" ")),
        Some(failure) => Err(failure),
    }
}

/// The same as a whole, byte by byte, and cut in two anywhere. Fails unless the result is the same.
fn serve_any(script: &str, bytes: &[u8]) -> Result<String, String> {
    let told = |result: Result<String, ScriptFailure>| result.map_err(|failure| said(&failure));
    let whole = told(serve(script, &[bytes]));
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(told(serve(script, &single)), whole, "byte by byte: {script}{}", bytes.escape_ascii());
    for cut in 0..bytes.len() {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(told(serve(script, &[first, second])), whole, "{script}{} {cut}", bytes.escape_ascii());
    }
    whole
}

#[test]
fn a_block_is_repeated_so_often() {
    let script = "repeat 3\n> \"STEP\" LF\n< \"OK\"\nend\n< \"END\"\n";
    assert_eq!(serve_any(script, b"STEP\nSTEP\nSTEP\n").unwrap(), "OK OK OK END");
    assert_eq!(serve_any(script, b"STEP\nSTEP\n").unwrap_err(), "2:1: this was not reached");
    assert!(serve_any(script, b"STEP\nSTEP\nSTEP\nSTEP\n").unwrap_err().contains("has sent more"));
    assert_eq!(
        serve("repeat 0\n> \"a\"\nend\nrepeat 2\nrepeat 2\n< \"b\"\nend\n< \"c\"\nend\n", &[]).unwrap(),
        "b b c b b c"
    );
}

#[test]
fn a_block_is_repeated_for_as_long_as_it_fits() {
    let script = "repeat\n> \"GET\" LF\n< \"1\"\nend\n> \"GO\" LF\n< \"2\"\n";
    for (bytes, did) in [(&b"GO\n"[..], "2"), (b"GET\nGO\n", "1 2"), (b"GET\nGET\nGET\nGO\n", "1 1 1 2")] {
        assert_eq!(serve_any(script, bytes).unwrap(), did);
    }
    assert_eq!(
        serve_any(script, b"GET\nGX\n").unwrap_err(),
        "5:3: what came does not fit \"GO\" at byte 1 of the step of line 5"
    );
    // The deadline of its first step ends it, and so does the end of the stream.
    let script = "repeat\n> \"a\" within 1s\n< \"1\"\nend\n< \"2\"\n";
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    played.pass_ms(999).unwrap();
    assert_eq!(played.did(), ["1"]);
    played.pass_ms(1).unwrap();
    assert_eq!(played.did(), ["1", "2"]);
    let mut played = Played::server(script);
    played.receive(b"a").unwrap();
    played.end().unwrap();
    assert_eq!(played.did(), ["1", "2"]);
    // One within another.
    let script = "repeat\n> \"a\"\nrepeat\n> \"b\"\n< \"1\"\nend\n< \"2\"\nend\n> \"c\"\n";
    assert_eq!(serve_any(script, b"abbaabc").unwrap(), "1 1 2 2 1 2");
}

#[test]
fn branches_come_in_any_order() {
    let script = concat!(
        "any order\n> \"VOLT?\" LF\n< \"1.5\"\nand\n> \"CURR?\" LF\n< \"0.1\"\nand\n> \"VOLT 5\" LF\n",
        "< \"ok\"\nend\n< \"END\"\n",
    );
    assert_eq!(serve_any(script, b"VOLT?\nCURR?\nVOLT 5\n").unwrap(), "1.5 0.1 ok END");
    assert_eq!(serve_any(script, b"VOLT 5\nCURR?\nVOLT?\n").unwrap(), "ok 0.1 1.5 END");
    let failed = serve_any(script, b"CURR?\nCURR?\n").unwrap_err();
    assert_eq!(failed, "2:3: what came does not fit \"VOLT?\" at byte 0 of the step of line 2");
    // Who begins it plays its branches as they are written.
    let mut played = Played::new(script, Side::Client);
    for reply in ["1.5", "0.1", "ok", "END"] {
        played.run().unwrap();
        played.engine.receive(Side::Server, reply.as_bytes());
    }
    played.run().unwrap();
    assert_eq!(played.did(), [r"VOLT?\n", r"CURR?\n", r"VOLT 5\n"]);
    assert!(played.engine.finish().is_none());
}

/// The branch whose first step ends first is chosen, and of those that end together the first.
#[test]
fn one_of_the_branches_is_chosen() {
    let script = concat!(
        "repeat 2\none of\n> {..} LF\n< \"line\"\nor\n> \"ab\"\n< \"ab\"\nor\n> \"a\" {1 byte}\n",
        "< \"a.\"\nor\n> \"abc\"\n< \"never\"\nend\nend\n",
    );
    assert_eq!(serve_any(script, b"abac").unwrap(), "ab a.");
    assert_eq!(serve_any(script, b"x\nab").unwrap(), "line ab");
    assert_eq!(serve_any(script, b"a\nab").unwrap(), "line ab");
    let script = "one of\n> \"a\" {1 byte}\n< \"first\"\nor\n> \"ab\"\n< \"second\"\nend\n";
    assert_eq!(serve_any(script, b"ab").unwrap(), "first");
    assert_eq!(
        serve_any(script, b"xb").unwrap_err(),
        "2:3: what came does not fit \"a\" at byte 0 of the step of line 2"
    );
    let mut played = Played::server("one of\n> \"a\"\n< \"1\"\nor\n> fin\n< \"2\"\nend\n");
    played.end().unwrap();
    assert_eq!(played.did(), ["2"]);
}

/// What may come at any time comes before any step, and is answered by nobody.
#[test]
fn what_may_come_at_any_time_may_come() {
    let script = "any time\n> \"beat\" LF\nend\n> \"a\" LF\n< \"1\"\n> \"bea\" LF\n< \"2\"\n";
    for bytes in [&b"a\nbea\n"[..], b"beat\na\nbeat\nbeat\nbea\nbeat\n"] {
        assert_eq!(serve_any(script, bytes).unwrap(), "1 2");
    }
    // Never within a step.
    assert!(serve_any(script, b"abeat\n\n").is_err());
    // What is not the beginning of it is left over.
    assert!(serve_any(script, b"a\nbea\nbex").unwrap_err().contains("has sent more"));
    // A step has precedence.
    let script = "any time\n> {..} LF\nend\n> \"a\" LF\n< \"1\"\n";
    assert_eq!(serve_any(script, b"b\nc\na\n").unwrap(), "1");
    // And what is described in a block is forgotten at its end.
    let script = "repeat 1\nany time\n> \"b\"\nend\n> \"a\"\nend\n> \"a\"\n";
    assert!(serve_any(script, b"baa").is_ok());
    assert!(serve_any(script, b"baba").is_err());
    // In a silence too, and around an open repeat, whose next round it does not prevent.
    let script = "any time\n> \"b\"\nend\nrepeat\n> \"a\"\n< \"1\"\nend\n> \"c\"\nsilence 1s\n";
    assert!(serve_any(script, b"babbabcbb").unwrap_err().contains("this was not reached"));
    // But what is behind the repeat has precedence too.
    let behind = "any time\n> \"b\"\nend\nrepeat\n> \"a\"\nend\n> \"bc\"\n";
    assert!(serve_any(behind, b"abc").is_ok());
    let mut played = Played::server(script);
    played.receive(b"babbabcbb").unwrap();
    played.pass_ms(1000).unwrap();
    assert_eq!(played.did(), ["1", "1"]);
    assert!(played.engine.finish().is_none());
}

/// What is sent every so often is sent between steps, while waiting, and until it is stopped.
#[test]
fn what_is_sent_every_so_often_is_sent() {
    let script = "< \"a\"\nevery 100ms t\n< \"T\"\nend\nwait 250ms\n> \"?\"\n< \"1\"\nstop t\nwait 1s\n< \"2\"\n";
    let mut played = Played::server(script);
    played.pass_ms(330).unwrap();
    played.receive(b"?").unwrap();
    played.pass_ms(2000).unwrap();
    let did: Vec<(u64, &str)> = played.did.iter().map(|(at, did)| (*at, &**did)).collect();
    assert_eq!(did, [(0, "a"), (100, "T"), (200, "T"), (300, "T"), (330, "1"), (1330, "2")]);
    // It ends with its block, and with the script.
    let script = "repeat 2\nevery 100ms\n< \"T\"\nend\n> \"?\"\nend\n> \"!\"\n< \"end\"\n";
    let mut played = Played::server(script);
    for bytes in [&b"?"[..], b"?", b"!"] {
        played.pass_ms(250).unwrap();
        played.receive(bytes).unwrap();
    }
    played.pass_ms(1000).unwrap();
    let did: Vec<(u64, &str)> = played.did.iter().map(|(at, did)| (*at, &**did)).collect();
    assert_eq!(did, [(100, "T"), (200, "T"), (350, "T"), (450, "T"), (750, "end")]);
    // The other side takes it wherever it comes.
    let script = "every 100ms\n< \"T\"\nend\n< \"a\"\n> \"b\"\n< \"c\"\n";
    let mut played = Played::new(script, Side::Client);
    played.engine.receive(Side::Server, b"TTaTTcT");
    played.run().unwrap();
    assert_eq!(played.did(), ["b"]);
    assert!(played.engine.finish().is_none());
    // What could not be sent in time does not come all at once.
    let mut played = Played::server("every 100ms\n< \"T\"\nend\n> \"?\"\n");
    played.run().unwrap();
    played.now += Duration::from_millis(1050);
    let until = played.run().unwrap().unwrap();
    assert_eq!((played.did(), until.duration_since(played.begin).as_millis()), (vec!["T"], 1100));
    // However often it is, there is time for the rest.
    let mut played = Played::server("every 0.001us\n< \"T\"\nend\nwait 5ms\n< \"end\"\n");
    played.pass_ms(5).unwrap();
    assert_eq!(played.did(), ["T", "T", "T", "T", "T", "end"]);
}

/// What is sent every so often takes no step's deadline away, also where it is nothing.
#[test]
fn what_is_sent_every_so_often_puts_no_deadline_off() {
    for bytes in ["\"T\"", "\"\"", "$nothing"] {
        let script = format!("every 100ms\n< {bytes}\nend\n> \"?\" within 1s\n");
        let mut played = Played::server(&script);
        played.engine.set("nothing".to_owned(), Vec::new());
        played.pass_ms(999).unwrap();
        let failure = played.pass_ms(1).unwrap_err();
        assert!(matches!(failure.reason(), FailureReason::Timeout { .. }), "{failure}");
    }
}

/// What was under way when it was stopped is taken, until its sender is known to have stopped.
#[test]
fn what_is_under_way_when_it_is_stopped_is_taken() {
    let stopped = "every 100ms t\n< \"T\"\nend\n> \"b\"\nstop t\n> \"c\"\n";
    let in_a_block = "repeat 1\nevery 100ms\n< \"T\"\nend\n> \"b\"\nend\n> \"c\"\n";
    for script in [stopped, in_a_block] {
        let plays = |rest: &str, comes: &[u8]| {
            let mut played = Played::new(&format!("{script}{rest}"), Side::Client);
            played.run()?;
            assert_eq!(played.did(), ["b", "c"]);
            played.engine.receive(Side::Server, comes);
            played.pass_ms(1000)?;
            played.engine.finish().map_or(Ok(()), Err)
        };
        plays("< \"d\"\n", b"d").unwrap();
        plays("< \"d\"\n", b"TTd").unwrap();
        plays("< \"d\"\n", b"TTdT").unwrap_err();
        plays("wait 1s\n< \"d\"\n", b"TTd").unwrap();
        plays("", b"T").unwrap();
        plays("", b"x").unwrap_err();
        plays("silence 1s\n", b"").unwrap();
        plays("silence 1s\n", b"T").unwrap_err();
    }
    // So it is with what a script sent that is over, in the one that goes on behind it.
    let mut played = Played::new("every 100ms\n< \"T\"\nend\n> \"b\"\n", Side::Client);
    played.run().unwrap();
    played.engine.go_on(Script::parse("< \"d\"\n").unwrap(), played.now).unwrap();
    played.engine.receive(Side::Server, b"TTd");
    played.run().unwrap();
    assert!(played.engine.finish().is_none());
}

/// A block that takes nothing is not played for ever.
#[test]
fn nothing_is_not_played_for_ever() {
    let mut played = Played::server("> {.. a} LF\nrepeat\n> $a\nend\n< \"1\"\n");
    played.receive(b"\n").unwrap();
    assert_eq!(played.did(), ["1"]);
    let mut played = Played::server("> {.. a} LF\nany time\n> $a\nend\n> \"b\"\n");
    assert!(played.receive(b"\nx").is_err());
    let mut played = Played::server("repeat 4000000000\nrepeat 4000000000\nwait 0s\nend\nend\n");
    let Output::Wait(Some(until)) = played.engine.poll(played.now) else { panic!("it is not over") };
    assert_eq!(until, played.now);
}

/// The script may end while what comes unasked is under way; but not if the stream has ended then.
#[test]
fn what_comes_unasked_may_be_under_way_at_the_end() {
    for script in
        ["any time\n> \"beat\" LF\nend\n> \"a\"\n", "every 1s\n> \"b \" {int} LF\nend\n> \"a\"\nsilence 1ms\n"]
    {
        serve(script, &[b"ab"]).unwrap();
        let failed = serve(script, &[b"abx"]).unwrap_err();
        assert!(matches!(failed.reason(), FailureReason::LeftOver), "{failed}");
    }
    let mut played = Played::server("any time\n> \"beat\" LF\nend\n> \"a\"\n");
    played.receive(b"ab").unwrap();
    played.end().unwrap();
    assert!(said(&played.engine.finish().unwrap()).contains("has sent more"));
    let mut played = Played::server("any time\n> \"beat\" LF\nend\n> \"a\"\n> connect\n> \"b\"\n");
    played.receive(b"abea").unwrap();
    assert_eq!(played.did(), ["connect"]);
    played.receive(b"b").unwrap();
    assert!(played.engine.finish().is_none());
}
