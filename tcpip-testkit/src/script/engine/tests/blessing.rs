//! What comes becomes the script.

use super::*;

/// The script as it is after these chunks have come, each 100 ms after the one before, and which lines of it changed.
fn blessed(script: &str, chunks: &[&[u8]]) -> Result<(String, Vec<usize>), ScriptFailure> {
    let mut played = Played::server(script);
    played.engine.bless();
    for chunk in chunks {
        played.receive(chunk)?;
        played.pass_ms(100)?;
    }
    played.pass_ms(500)?;
    match (played.engine.finish(), played.engine.take_blessed()) {
        (Some(failure), _) => Err(failure),
        (None, Some((script, edits, _))) => Ok(edits.apply(&script.to_string())),
        (None, None) => Ok((script.to_owned(), Vec::new())),
    }
}

#[test]
fn what_did_not_fit_is_written_anew() {
    for (script, chunks, expected, lines) in [
        // What fits stays.
        ("> \"a\"   CR\n< \"b\"", &[&b"a\r"[..]][..], "> \"a\"   CR\n< \"b\"", &[][..]),
        // The rest of the step is written anew; its times and comments stay.
        (
            "  +1s > \"MOVE 1\" CR LF   within 2s  # go\n< \"ok\"  # it does\n",
            &[b"MOVE 2", b"\r\n"],
            "  +1s > \"MOVE 2\" CR LF   within 2s  # go\n< \"ok\"  # it does\n",
            &[1],
        ),
        (
            "> {word w = \"x\"} \" \" \"A\" LF\n< $w\n",
            &[b"y B;C\n"],
            "> {word w = \"x\"} \" \" \"B;C\" LF\n< $w\n",
            &[1],
        ),
        ("> \"a\" {digits} \" \" LF\n", &[b"ax \n"], "> \"a\" \"x \" LF\n", &[1]),
        // In the lines that it has, and new ones.
        (
            "> \"a\" LF  # first\n  \"b\" LF   # second\n  \"c\" LF\n  \"d\"\n",
            &[b"a\nx\ny\nz\nd"],
            "> \"a\" LF  # first\n  \"x\" LF   # second\n  \"y\" LF\n  \"z\" LF\n  \"d\"\n",
            &[2, 3, 4, 5],
        ),
        // A line of which nothing is left goes.
        ("> \"a\" LF\n  \"b\" LF\n< \"c\"\n", &[b"x\n"], "> \"x\" LF\n< \"c\"\n", &[1, 2]),
        ("> \"a\"\n< \"b\"\n", &[b"x\ny\n", b"z"], "> \"x\" LF\n  \"y\" LF\n  \"z\"\n< \"b\"\n", &[1, 2, 3]),
        // What nobody expected has steps of its own.
        ("> \"a\"\n< \"b\"\n", &[b"a more\n"], "> \"a\"\n< \"b\"\n> \" more\" LF\n", &[3]),
        ("> \"a\"\n< \"b\"", &[b"a", b"c"], "> \"a\"\n< \"b\"\n> \"c\"\n", &[3]),
        // What comes behind the last literal is the next step's.
        ("> \"a\" LF\n> \"b\" LF\n", &[b"x\nb\n"], "> \"x\" LF\n> \"b\" LF\n", &[1]),
        ("> \"a\" LF\n> \"b\" LF\n", &[b"x\ny\n"], "> \"x\" LF\n> \"y\" LF\n", &[1, 2]),
        // In the encoding of the script, what is blessed is what came.
        ("encoding latin-1\n> \"a\" LF\n", &[b"x\n"], "encoding latin-1\n> \"x\" LF\n", &[2]),
        ("encoding latin-1\n> \"a\" LF\n", &[b"\xc3\xa9\n"], "encoding latin-1\n> x\"c3 a9 0a\"\n", &[2]),
        (
            "encoding utf-16-le\n> \"a\"\n",
            &[b"\0long text"],
            "encoding utf-16-le\n> x\"00 6c 6f 6e 67 20 74 65 78 74\"\n",
            &[2],
        ),
        ("encoding utf-16-le\n", &[b"long text"], "encoding utf-16-le\n> x\"6c 6f 6e 67 20 74 65 78 74\"\n", &[2]),
        // A byte-order mark stays before all.
        ("\u{feff}  > \"a\"\n", &[b"x\ny"], "\u{feff}  > \"x\" LF\n    \"y\"\n", &[1, 2]),
        ("\u{feff}", &[b"x"], "\u{feff}> \"x\"\n", &[1]),
    ] {
        let (changed, changed_lines) = blessed(script, chunks).unwrap_or_else(|failure| panic!("{script}{failure}"));
        assert_eq!(changed, expected);
        assert_eq!(changed_lines, lines, "{script}");
        // What was blessed fits.
        let (again, none) = blessed(expected, chunks).unwrap_or_else(|failure| panic!("{expected}{failure}"));
        assert_eq!((again.as_str(), none), (expected, Vec::new()));
        // Lines end as those of the script do.
        if script.contains('\n') {
            let [script, expected] = [script, expected].map(|text| text.replace('\n', "\r\n"));
            let (changed, changed_lines) = blessed(&script, chunks).unwrap();
            assert_eq!((changed, &changed_lines[..]), (expected, lines));
        }
    }
}

/// A text that wraps is one: what comes in its place wraps as well, and what is before the difference stays.
#[test]
fn a_text_that_wraps_is_blessed_as_a_whole() {
    let [ones, twos, long] = ["1 ".repeat(44), "2 ".repeat(44), "3 ".repeat(500)];
    let script = format!("> \"{ones}\"\n  \"{ones}\"\n  \"{ones}\"\n> \"b\" LF\n");
    for (came, expected) in [
        (format!("{ones}{twos}{ones}"), script.replacen(&format!("  \"{ones}"), &format!("  \"{twos}"), 1)),
        (format!("{twos}{ones}{ones}"), script.replacen(&ones, &twos, 1)),
    ] {
        assert_eq!(blessed(&script, &[came.as_bytes(), b"", b"", b"b\n"]).unwrap().0, expected);
    }
    let (changed, _) = blessed(&script, &[long.as_bytes(), b"", b"", b"b\n"]).unwrap();
    assert!(changed.lines().all(|line| line.len() <= 102), "{changed}");
    assert_eq!(blessed(&changed, &[long.as_bytes(), b"", b"", b"b\n"]).unwrap().0, changed);
}

/// An end that is expected stays, behind a step of what came before it.
#[test]
fn what_comes_before_an_end_is_a_step() {
    let mut played = Played::server("> \"a\"\n > fin  # at last\n");
    played.engine.bless();
    played.receive(b"ab\n").unwrap();
    played.end().unwrap();
    assert!(played.engine.finish().is_none());
    let (script, edits, failure) = played.engine.take_blessed().unwrap();
    assert_eq!(edits.apply(&script.to_string()).0, "> \"a\"\n > \"b\" LF\n > fin  # at last\n");
    assert_eq!(failure.line(), 2);
    let mut played = Played::server("\u{feff} > fin\n");
    played.engine.bless();
    played.receive(b"a").unwrap();
    played.end().unwrap();
    assert!(played.engine.finish().is_none());
    let (script, edits, _) = played.engine.take_blessed().unwrap();
    assert_eq!(edits.apply(&script.to_string()).0, "\u{feff} > \"a\"\n > fin\n");
}

/// Within a block, a step stands for several that come; and what does not come cannot be written.
#[test]
fn not_everything_is_blessed() {
    assert!(blessed("repeat 1\n> \"a\"\nend\n", &[b"b"]).is_err());
    assert!(blessed("> \"a\" within 100ms\n", &[]).is_err());
    assert!(blessed("> \"a\"\n< \"b\"\n> \"c\" within 100ms\n", &[b"a"]).is_err());
}

/// More may come for a step until nothing has come for 200 ms, or its last literal.
#[test]
fn a_step_lasts_until_nothing_comes() {
    let mut played = Played::server("> \"a\"\n< \"b\"\n");
    played.engine.bless();
    for _ in 0..5 {
        played.receive(b"x").unwrap();
        played.pass_ms(199).unwrap();
        assert_eq!(played.did().len(), 0);
    }
    played.pass_ms(1).unwrap();
    assert_eq!(played.did(), ["b"]);
}
