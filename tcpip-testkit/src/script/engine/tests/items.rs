//! What an item takes, and what it sends.

use super::*;

/// What fits, and takes all but what is behind the `|`; an item knows that as soon as its last byte is there.
const FITTING: &[(&str, &[u8])] = &[
    (r#""abc""#, b"abc|x"),
    (r#""\x00\xff" 'a\n' CR LF u16be(258)"#, b"\0\xffa\\n\r\n\x01\x02|"),
    (r#"x"ff"*3"#, b"\xff\xff\xff|\xff"),
    (r"{digits} LF", b"007\n|"),
    (r#"{int} ",""#, b"-12,|"),
    (r#"{number} "V""#, b"-1.5e-3V|"),
    (r"{number} CR", b"NaN\r|"),
    (r#"{word} " ""#, b"CLOSED |"),
    (r#"{..} ">""#, b"a\r\nb>|>"),
    (r"{..} CR LF", b"a\rb\n\r\n|"),
    (r#"{..} "" LF"#, b"\n|"),
    (r"{/[A-Z]{3}\d+/} LF", b"ABC12\n|"),
    ("{3 bytes}", b"\0\n\xff|a"),
    ("{u32le}", b"1234|5"),
    ("{0 bytes} LF", b"\n|"),
    ("{2 bytes}*2", b"1234|5"),
    ("{block}", b"#15hello|"),
    ("{block}", b"#212abcdefghijkl|"),
    ("{block}", b"#0ab\n|c"),
    (r#"block("hello")"#, b"#15hello|"),
    (r"block({..} LF)", b"#13ab\n|"),
    (r#"len8("abc")"#, b"\x03abc|"),
    (r#"len16be({word} " " {2 bytes})"#, b"\0\x05ab 12|"),
    (r#"len32le("a"*3)"#, b"\x03\0\0\0aaa|"),
    (r#"STX xor("01R" ETX)"#, b"\x0201R\x03\x50|"),
    (r"sum8({digits} LF)", b"12\n\x6d|"),
    (r#"crc("CRC-16/MODBUS" {..} "9")"#, b"123456789\x37\x4b|"),
    (r#"{word a} " " $a LF"#, b"xy xy\n|"),
    (r#"json {"id": 7, "az": NaN}"#, br#" {"az":NaN , "id":7.0}|x"#),
    (r#"json {"a": _, ..}"#, br#"{"b": [1, {"c": "}"}], "a": null}|"#),
    (r"json {..}", br#"{"b": 1}|"#),
    (r"json [1, {int}, ..]", br#"[1e0, -5, "x", 7]|"#),
    (r"json [..]", b"[]|"),
    (r#"json {"a": 1, "a": 2}"#, br#"{"a": 3, "a": 2}|"#),
    (
        r#"json {"n": {number}, "w": {word}, "d": {digits}, "r": {/a+/}, "j": {json}}"#,
        br#"{"j": {}, "r": "aa", "d": 0, "w": "x-y", "n": Infinity}|"#,
    ),
    (r"json [{word a}, $a, {int n}, $n]", br#"["5", "\u0035", 5, 5.0]|"#),
    (r"json [{json a}, $a]", br#"[{"x": [1, 2], "y": 0}, {"y": -0, "x": [1.0, 2]}]|"#),
    (r#"json "é""#, br#""\u00e9"|"#),
    (r"json 12 LF", b"12.0\n|"),
    (r"json _ LF", b"-5\n|"),
    (r"json 123456789012345678901234567890 LF", b"123456789012345678901234567890\n|"),
    ("{json}", b"{\"a\": 1}|5"),
    ("{json}", b"-Infinity|"),
    ("{json} LF", b"5\n|"),
];

/// What does not fit: that is certain with the byte behind the `|`, and the item is the one between `«` and `»`.
const OTHER: &[(&str, &[u8])] = &[
    (r#"«"abc"» LF"#, b"ab|x"),
    (r#""abc" «LF»"#, b"abc|\r"),
    ("«{digits}» LF", b"|\n"),
    ("{digits} «LF»", b"12|x"),
    ("«{int}» LF", b"-|\n"),
    ("«{number}» LF", b"1e|\n"),
    (r#"«{word}» " ""#, b"| "),
    (r"«{/\d+/}» LF", b"12x|\n"),
    ("«{block}»", b"|x"),
    ("«{block}»", b"#|x"),
    ("«{block}»", b"#2|x1"),
    (r#"«block("abc")»"#, b"#1|5"),
    (r#"«len8("abc")»"#, b"|\x04"),
    (r"len8(«{word}» LF)", b"\x03ab|c"),
    (r"len8({word} «LF»)", b"\x03ab |"),
    (r#"«xor("1")» LF"#, b"1|2"),
    (r#"«json {"id": 7}»"#, br#"{"id": 8|}"#),
    (r"«json [1]»", br"[1|, 2]"),
    ("«json [1]»", b"|ERR"),
    (r"«len8({word} LF)» CR", b"\x05ab|\n"),
    ("«{json}»", b"|5"),
    ("«{json}»", b"nul|x"),
];

fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().rposition(|byte| *byte == b'|').unwrap();
    (&bytes[..at], &bytes[at + 1..])
}

#[test]
fn an_item_ends_with_its_last_byte() {
    for (items, bytes) in FITTING {
        let (taken, behind) = halves(bytes);
        let whole = [taken, behind].concat();
        for cut in 0..=taken.len() {
            let mut played = Played::server(&format!("> {items}\n< \"ok\"\n"));
            let context = format!("{items} {} {cut}", bytes.escape_ascii());
            played.receive(&whole[..cut]).unwrap_or_else(|failure| panic!("{context}: {failure}"));
            assert_eq!(played.did().len(), usize::from(cut == taken.len()), "{context}");
            played.receive(&whole[cut..]).unwrap_or_else(|failure| panic!("{context}: {failure}"));
            assert_eq!(played.did(), ["ok"], "{context}");
            assert_eq!(played.engine.client.bytes, behind, "{context}");
        }
        let mut played = Played::server(&format!("> {items}\n"));
        for byte in taken {
            played.receive(&[*byte]).unwrap();
        }
        assert!(played.engine.is_done() && played.engine.finish().is_none(), "{items}");
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_first_byte() {
    for (items, bytes) in OTHER {
        let (fits, wrong) = halves(bytes);
        let plain = items.replace(['«', '»'], "");
        let item = &items[items.find('«').unwrap() + 2..items.find('»').unwrap()];
        for cut in 0..=fits.len() {
            let mut played = Played::server(&format!("> {plain}\n"));
            let context = format!("{items} {} {cut}", bytes.escape_ascii());
            let mut result = played.receive(&fits[..cut]);
            if wrong.is_empty() && cut == fits.len() {
                // It is certain as soon as that has come.
                result = Err(result.expect_err(&context));
            } else {
                result.unwrap_or_else(|failure| panic!("{context}: {failure}"));
                result = played.receive(&[&fits[cut..], wrong].concat());
            }
            let failure = result.expect_err(&context);
            assert!(matches!(failure.reason(), FailureReason::Mismatch), "{context}: {failure}");
            assert_eq!(failure.expected(), item, "{context}");
            assert!(failure.at() <= fits.len() + wrong.len(), "{context}: {failure}");
            assert_eq!(failure.came(), [fits, wrong].concat(), "{context}");
        }
    }
}

/// What is sent, also as JSON, is what Python would send.
#[test]
fn items_are_sent_as_they_are_written() {
    for (items, expected) in [
        (r#""a\x00" CR u32le(3) "-"*3 SP"#, &b"a\0\r\x03\0\0\0--- "[..]),
        (r#"{digits = "0" "7"} LF"#, b"07\n"),
        (r#"{word a = "x"} " " $a $a*2"#, b"x xxx"),
        (
            r#"xor("01R" ETX) sum8(x"80 81") crc("CRC-16/MODBUS" "123456789")"#,
            b"01R\x03\x50\x80\x81\x01123456789\x37\x4b",
        ),
        (
            r#"len8("abc") len16be("" LF) len32le("a"*2) block("hello world")"#,
            b"\x03abc\0\x01\n\x02\0\0\0aa#211hello world",
        ),
        (
            r#"json {"é": 1.50, "b": [true, null, NaN, -Infinity], "c": {}}"#,
            br#"{"\u00e9": 1.5, "b": [true, null, NaN, -Infinity], "c": {}}"#,
        ),
        (
            r#"json [1e16, 1E2, -0, -0.0, 12345678901234567890123, "\u007f\ud83d\ude00"]"#,
            br#"[1e+16, 100.0, 0, -0.0, 12345678901234567890123, "\u007f\ud83d\ude00"]"#,
        ),
        (r#"json [{int a = "7"}, $a, {word b = "7"}, $b, ..] " " $a"#, br#"[7, 7, "7", "7"] 7"#),
        (r#"json {"a": {json = json {"b": 1}}, ..}"#, br#"{"a": {"b": 1}}"#),
    ] {
        let mut played = Played::server(&format!("< {items}\n"));
        played.run().unwrap();
        assert_eq!(played.did(), [expected.escape_ascii().to_string()], "{items}");
    }
    let mut played = Played::server("encoding utf-16-le\n< \"é\\x41\"\n");
    played.run().unwrap();
    assert_eq!(played.did(), [r"\xe9\x00A"]);
}

/// A capture is what the hole took, from its step on, and until it is captured again.
#[test]
fn holes_capture_what_they_take() {
    let mut played = Played::server("> {word a} \" \" {.. b} LF\n< $a \";\" $b\n> {digits a} LF\n< $a\n");
    played.receive(b"xy a b\n12\n").unwrap();
    assert_eq!(played.did(), ["xy;a b", "12"]);
    assert_eq!((played.captured("a"), played.captured("b")), (&b"12"[..], &b"a b"[..]));
    let mut played =
        Played::server("> json {\"id\": {int id}, \"name\": {word name}}\n< json {\"id\": $id, \"name\": $name}\n");
    played.receive(br#"{"name": "5", "id":  17 }"#).unwrap();
    assert_eq!(played.did(), [r#"{\"id\": 17, \"name\": \"5\"}"#]);
    assert_eq!((played.captured("id"), played.captured("name")), (&b"17"[..], &b"5"[..]));
}

#[test]
fn what_was_not_captured_is_an_error_of_the_play() {
    let mut played = Played::server("< \"a\"\n< \"b\" $id\n");
    let failure = played.run().unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::NotCaptured { name } if name == "id"));
    assert_eq!(said(&failure), "2:1: nothing has been captured as `id`");
    let mut played = Played::server("> \"b\" $id\n");
    assert_eq!(said(&played.receive(b"b").unwrap_err()), "1:1: nothing has been captured as `id`");
    let mut played = Played::server("> \"b\" $id\n< json [$id]\n");
    played.engine.set("id".to_owned(), b"7".to_vec());
    played.receive(b"b7").unwrap();
    assert_eq!(played.did(), ["[7]"]);
}

/// What has no end of its own ends somewhere.
#[test]
fn holes_have_a_limit() {
    let most = 64 << 10;
    for (hole, byte) in [("{..}", b'a'), ("{/a+/}", b'a'), ("{word}", b'a'), ("{digits}", b'7')] {
        let mut played = Played::server(&format!("> {hole} LF\n"));
        played.receive(&vec![byte; most]).unwrap();
        played.receive(b"\n").unwrap();
        assert!(played.engine.is_done(), "{hole}");
        let mut played = Played::server(&format!("> {hole} LF\n"));
        assert!(played.receive(&vec![byte; most + 1]).is_err(), "{hole}");
    }
    for (items, bytes) in [("{block}", &b"#9999999999"[..]), ("len32be({1 byte} {..} LF)", b"\xff\xff\xff\xff")] {
        assert!(Played::server(&format!("> {items}\n")).receive(bytes).is_err(), "{items}");
    }
    let mut played = Played::server("< len8(\"a\"*256)\n");
    assert_eq!(said(&played.run().unwrap_err()), "1:1: this is too long");
}
