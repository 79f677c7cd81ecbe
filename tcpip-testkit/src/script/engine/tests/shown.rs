//! What is shown of a failure, however much has come.

use super::*;

/// The failure of a server that expects the items when this has come.
fn failure(items: &str, came: &[u8]) -> ScriptFailure {
    Played::server(&format!("> {items}\n")).receive(came).unwrap_err()
}

/// The line that says what came.
fn came(failure: &ScriptFailure) -> String {
    failure.to_string().lines().find_map(|line| Some(line.strip_prefix("came: ")?.to_owned())).unwrap()
}

/// What came is shown around the byte that does not fit, and how much is left out is said.
#[test]
fn what_came_is_shown_where_it_does_not_fit() {
    let mega = "a".repeat(1 << 20);
    for (items, bytes, shown) in [
        ("\"a\"*512 LF", format!("{}x", "a".repeat(512)), format!("\"{}x\"", "a".repeat(512))),
        (
            "\"a\"*513 LF",
            format!("{}xy{}", "a".repeat(513), "z".repeat(63)),
            format!("\"{}xy{}\"  # behind 1 bytes, and 1 bytes more", "a".repeat(512), "z".repeat(62)),
        ),
        ("\"a\"*1048576 LF", format!("{mega}x"), format!("\"{}x\"  # behind 1048064 bytes", "a".repeat(512))),
        ("LF", mega.clone(), format!("\"{}\"  # and 1048512 bytes more", "a".repeat(64))),
        // Not cut within a character.
        (
            "\"é\"*1000 \"b\" LF",
            format!("{}a{}", "é".repeat(1000), "é".repeat(1000)),
            format!("\"{}a{}\"  # behind 1488 bytes, and 1938 bytes more", "é".repeat(256), "é".repeat(31)),
        ),
    ] {
        let failure = failure(items, bytes.as_bytes());
        assert_eq!(came(&failure), shown, "{items}");
        assert_eq!(failure.came(), bytes.as_bytes(), "{items}");
    }
    let failure = failure("\"a\"*600 LF", &[b"a".repeat(600), vec![0x80; 600]].concat());
    assert!(came(&failure).ends_with("x\"80\"*64  # behind 88 bytes, and 536 bytes more"), "{failure}");
}

/// A failure is a few KiB at most, whatever is in the script and has passed; nothing of it is lost.
#[test]
fn a_failure_has_a_bound() {
    let long = "é\t".repeat(1 << 18);
    let transcript: Vec<String> = (0..100_000).map(|line| format!("> \"{line}\" LF\n")).collect();
    let transcript = transcript.concat();
    for (items, bytes) in [
        (format!("\"{long}\" LF"), "\"\x01".repeat(1 << 18)),
        (format!("\"{long}\" LF"), format!("{long}x")),
        (format!("'{long}' CR LF"), format!("{long}\r\u{85}{}", "\u{85}".repeat(1 << 18))),
        (format!("json [\"{}\", {{word}}]", long.replace('\t', " ")), format!("[\"{}\", 5]", long.replace('\t', " "))),
    ] {
        let failure = failure(&items, bytes.as_bytes()).with_transcript(transcript.clone());
        let told = failure.to_string();
        assert!(told.len() < 8 << 10, "{}", told.len());
        assert!(told.lines().next().unwrap().ends_with(" of the step of line 1"), "{told}");
        assert!(told.contains("\n# 99960 lines before this are not shown\n> \"99960\" LF\n"), "{told}");
        assert!(told.ends_with("> \"99999\" LF"), "{told}");
        assert_eq!((failure.transcript(), failure.came()), (&*transcript, bytes.as_bytes()));
    }
}

/// The place in a long line is pointed at.
#[test]
fn the_item_in_a_long_line_is_pointed_at() {
    let before = "\"a\" ".repeat(1000);
    let failure =
        failure(&format!("{before}\"bc\"{}", " \"d\"".repeat(1000)), &[b"a".repeat(1000), b"bx".to_vec()].concat());
    let told = failure.to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "script:1:4003: what came does not fit \"bc\" at byte 1001 of the step of line 1");
    let column = lines[2].chars().take_while(|character| *character == ' ').count();
    let pointed: String = lines[1].chars().skip(column).take(lines[2].trim_start().len()).collect();
    assert_eq!(pointed, "\"bc\"", "{told}");
    assert!(lines[1].starts_with("  …") && lines[1].ends_with('…'), "{told}");
    let error = Script::parse(&format!("> {before}CRLF")).unwrap_err().to_string();
    assert!(error.ends_with(&format!(" \"a\" CRLF\n  {}^^^^", " ".repeat(197))), "{error}");
}
