//! JSON is looked at as it comes: what does not fit is told as soon as that is certain, and not before.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::script::{
    engine::{
        captures::Scope,
        json_expected,
        json_match::{self, Misfit},
        json_value,
    },
    program::{JsonPattern, Node, PartKind},
    syntax::Action,
};

/// What does not fit: that is certain with the byte behind the `|`, and said of the byte with this number.
const OTHER: &[(&str, &str, usize)] = &[
    // It is not JSON.
    ("[1]", "|ERR", 0),
    ("[1]", "[1 |1", 3),
    ("_", "nul|x", 3),
    ("[..]", "[1, |]", 4),
    ("{..}", "{|1", 1),
    ("{..}", "{\"a\" |1", 5),
    ("{..}", "{\"a\": [1, |}", 10),
    // It is of another type.
    ("{\"a\": 1}", "|[", 0),
    ("{..}", " |\"", 1),
    ("[..]", "|{", 0),
    ("\"a\"", "|5", 0),
    ("1", "|\"", 0),
    ("-1", "-|I", 0),
    ("true", "|f", 0),
    ("null", "|N", 0),
    ("-Infinity", "-|1", 0),
    ("[{int}]", "[|N", 1),
    ("[{digits}]", "[|-", 1),
    ("[{number}]", "[|t", 1),
    ("[{number}]", "[|\"", 1),
    ("[{word}]", "[|5", 1),
    ("[{/a/}]", "[|[", 1),
    ("[NaN]", "[|n", 1),
    ("[{word a}, $a]", "[\"5\", |5", 6),
    ("[{int a}, $a]", "[5, |\"", 4),
    ("[{json a}, $a]", "[ [] , |{", 7),
    ("[{json a}, $a]", "[-Infinity, -|1", 12),
    // It is another value.
    ("[1, 2]", "[1, 3|]", 4),
    ("[1, 2, ..]", "[3|,", 1),
    ("[{int}]", "[1.5|]", 1),
    ("[1.5]", "[1.25|]", 1),
    ("[123456789012345678901234567890]", "[123456789012345678901234567891|]", 1),
    ("[\"a\", 1]", "[\"b|\"", 1),
    ("[{word}]", "[\"a b|\"", 1),
    ("[{/a/}]", "[\"aa|\"", 1),
    ("[[[1], 2], 3]", "[[[1], 3|]", 7),
    ("\"a\"", "\"b|\"", 0),
    ("5", "6|\n", 0),
    // There are too many elements, or too few.
    ("[]", "[ |1", 2),
    ("[1]", "[1 |, 2", 3),
    ("[1, 2, ..]", "[1|]", 2),
    ("[[1], ..]", "[[1|,", 3),
    ("[[1], ..]", "[[|]", 2),
    // There is a member that is not expected, or none that is.
    ("{\"id\": 7}", "{\"id\": 7, \"x|\"", 10),
    ("{}", "{ \"|\"", 2),
    ("[{\"id\": 7}]", "[{\"x|\"", 2),
    ("{\"id\": 7, ..}", "{\"x\": 1|}", 7),
    ("{\"id\": 7, \"x\": 1}", "{\"id\": 7|}", 8),
    // Of a key that comes again, the last counts.
    ("{\"id\": 7}", "{\"id\": 8|}", 7),
    ("{\"id\": 7}", "{\"id\": \"7\"|}", 7),
    ("{\"id\": [7], \"x\": 1}", "{\"id\": [7, {\"x\": 2}], \"x\": 1|}", 11),
    ("{\"id\": {\"a\": 1}}", "{\"id\": {\"b\": 1, \"a\": 1}|}", 13),
    ("[{\"id\": 7}, 1]", "[{\"id\": 7, \"id\": 8|}", 17),
    ("{\"id\": 7, \"id\": 8}", "{\"id\": 7|}", 7),
];

fn pattern(text: &str) -> JsonPattern {
    let script = Script::parse(&format!("> json {text} LF\n")).unwrap_or_else(|error| panic!("{error}"));
    let Node::Step(step) = &script.block()[0] else { panic!("{text}") };
    let Action::Items(parts) = &step.action else { panic!("{text}") };
    let PartKind::Json(json) = &parts[0].kind else { panic!("{text}") };
    json.pattern.clone()
}

/// What is captured before.
fn captures() -> Captures {
    let captured = [("w", "ab"), ("n", "5"), ("l", "[1, {\"a\": NaN}]"), ("i", "-Infinity")];
    captured.map(|(name, text)| (name.to_owned(), Capture { bytes: text.into(), ..Capture::default() })).into()
}

/// What is found in what is there of a value.
fn found(pattern: &JsonPattern, there: &[u8]) -> Result<usize, Misfit> {
    json_expected::read(pattern, there, &mut Scope::new(&captures()))
}

/// Whether a value fits that is there as a whole, with something behind it.
fn fits_as_a_whole(pattern: &JsonPattern, bytes: &[u8]) -> bool {
    let Ok(value) = json_value::read(bytes) else { return false };
    json_match::fits(pattern, &value, bytes, &mut Scope::new(&captures())).is_ok()
}

#[test]
fn what_does_not_fit_is_told_as_soon_as_that_is_certain() {
    for (text, bytes, at) in OTHER {
        let pattern = pattern(text);
        let (before, rest) = bytes.split_once('|').unwrap();
        for cut in 0..=before.len() {
            assert_eq!(found(&pattern, &before.as_bytes()[..cut]), Err(Misfit::More), "{text} {bytes} {cut}");
        }
        for cut in 1..=rest.len() {
            let there = format!("{before}{}", &rest[..cut]);
            assert_eq!(found(&pattern, there.as_bytes()), Err(Misfit::Not(*at)), "{text} {there}");
        }
        assert!(*at <= before.len(), "{text} {bytes}");
    }
}

/// Blanks are those of JSON, however what comes is cut.
#[test]
fn a_form_feed_is_no_blank() {
    for chunks in [&[&b"\x0c5"[..]][..], &[b"\x0c", b"5"]] {
        let mut played = Played::server("> {json}\n");
        let failure = chunks.iter().try_for_each(|chunk| played.receive(chunk)).unwrap_err();
        assert_eq!(said(&failure), "1:3: what came does not fit {json} at byte 0 of the step of line 1");
    }
}

/// Blanks, or none.
fn blank() -> impl Strategy<Value = String> {
    select(vec!["", "", " ", "\r\n\t "]).prop_map(str::to_owned)
}

/// What may be anywhere.
const ANYTHING: &[&str] = &[
    "1",
    "-0",
    "2.5e3",
    "\"a b\"",
    "\"\\ud83d\\ude00\"",
    "true",
    "null",
    "NaN",
    "-Infinity",
    "[]",
    "{}",
    "[1, [\"]\"]]",
    "{\"a\": 1, \"a\": {\"}\": 2}}",
];

/// A pattern, and a value that fits it.
fn pair() -> impl Strategy<Value = (String, String)> {
    let leaf = select(vec![
        ("1", "1.0"),
        ("1", "1"),
        ("-0.5", "-5E-1"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("\"é\"", "\"\\u00e9\""),
        ("\"é\"", "\"é\""),
        ("\"\"", "\"\""),
        ("true", "true"),
        ("null", "null"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("{int}", "-7"),
        ("{int}", "-0"),
        ("{digits}", "0"),
        ("{number}", "-1e-9"),
        ("{number}", "-Infinity"),
        ("{number}", "NaN"),
        ("{word}", "\"a-b\""),
        ("{/a+/}", "\"aa\""),
        ("$w", "\"ab\""),
        ("$n", "5.0"),
        ("$l", "[1.0,{\"a\": 0, \"a\":NaN}]"),
        ("$i", "-Infinity"),
    ]);
    let leaf = leaf.prop_map(|(pattern, value)| (pattern.to_owned(), value.to_owned()));
    let anything =
        (select(vec!["_", "{json}"]), select(ANYTHING)).prop_map(|(one, value)| (one.to_owned(), value.to_owned()));
    prop_oneof![3 => leaf, 1 => anything].prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..4), more(), blank()).prop_map(|(pairs, more, blank)| array(pairs, more, &blank)),
            (vec((inner, 0..256_usize, vec(select(ANYTHING), 0..2)), 0..4), more(), blank())
                .prop_map(|(members, more, blank)| object(members, more, &blank)),
        ]
    })
}

/// What is behind the last element or member; `None` if nothing may be.
fn more() -> impl Strategy<Value = Option<Vec<&'static str>>> {
    prop::option::of(vec(select(ANYTHING), 0..3))
}

fn open(more: Option<&Vec<&str>>) -> Option<String> {
    more.map(|_| "..".to_owned())
}

fn array(pairs: Vec<(String, String)>, more: Option<Vec<&str>>, blank: &str) -> (String, String) {
    let (mut patterns, mut values): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    patterns.extend(open(more.as_ref()));
    values.extend(more.into_iter().flatten().map(ToOwned::to_owned));
    (format!("[{}]", patterns.join(", ")), format!("[{blank}{}{blank}]", values.join(&format!("{blank},{blank}"))))
}

/// Each member with others of its key before it, and all in any order.
fn object(
    members: Vec<((String, String), usize, Vec<&str>)>,
    more: Option<Vec<&str>>,
    blank: &str,
) -> (String, String) {
    let (mut patterns, mut values) = (Vec::new(), Vec::new());
    for (key, ((pattern, value), order, others)) in members.into_iter().enumerate() {
        patterns.push(format!("\"{key}\": {pattern}"));
        let mut member = |value: &str, order: usize| values.push((order, format!("\"{key}\"{blank}:{blank}{value}")));
        for other in others {
            member(other, order / 2);
        }
        member(&value, order);
    }
    patterns.extend(open(more.as_ref()));
    let more = more.into_iter().flatten().enumerate();
    values.extend(more.map(|(key, value)| (100 * (key % 3), format!("\"more\\t{key}\":{value}"))));
    values.sort_by_key(|(order, _)| *order);
    let values: Vec<String> = values.into_iter().map(|(_, member)| member).collect();
    (format!("{{{}}}", patterns.join(", ")), format!("{{{blank}{}{blank}}}", values.join(&format!("{blank},{blank}"))))
}

/// What makes another value of one.
#[derive(Clone, Debug)]
enum Damage {
    Removed,
    Replaced(u8),
    Inserted(&'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::Removed),
        select(&b"[]{},:\"\\ 0-.eNt\xc3\xff\0"[..]).prop_map(Damage::Replaced),
        select(vec!["1, ", "[", "]", "\"0\": 1, ", "}", ", NaN", "\"\\ud800"]).prop_map(Damage::Inserted),
    ]
}

fn damaged(value: &str, at: prop::sample::Index, damage: &Damage) -> Vec<u8> {
    let at = at.index(value.len());
    let (before, behind) = (&value.as_bytes()[..at], &value.as_bytes()[at..]);
    match damage {
        Damage::Removed => [before, &behind[1..]].concat(),
        Damage::Replaced(byte) => [before, &[*byte], &behind[1..]].concat(),
        Damage::Inserted(text) => [before, text.as_bytes(), behind].concat(),
    }
}

/// What may follow a beginning and make it fit, if anything does.
const ENDS: &[&str] =
    &["", "]", "}", "\"", "\"}", "\"]", "0]", "0}", "]]", "}]", "]}", "}}", ": 1}", "\": 1}", ",\"0\": 1}"];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is told of a value that fits while it comes.
    #[test]
    fn what_fits_is_never_said_not_to((pattern, value) in pair()) {
        let (expected, bytes) = (self::pattern(&pattern), format!("{value}\n").into_bytes());
        prop_assert_eq!(found(&expected, &bytes), Ok(value.len()), "{} {}", pattern, value);
        prop_assert!(fits_as_a_whole(&expected, &bytes));
        let ends_itself = !value.ends_with(|last: char| last.is_ascii_digit());
        for cut in 0..value.len() + usize::from(!ends_itself) {
            prop_assert_eq!(found(&expected, &bytes[..cut]), Err(Misfit::More), "{} {} {}", pattern, value, cut);
        }
    }

    /// What is told of a beginning is told of all that begins like it, at the same byte, and none of that fits.
    #[test]
    fn what_is_certain_stays_so(
        (pattern, value) in pair(),
        (_, other) in pair(),
        at in any::<prop::sample::Index>(),
        damage in prop::option::of(damage()),
    ) {
        let expected = self::pattern(&pattern);
        let bytes = match damage {
            Some(damage) => damaged(&value, at, &damage),
            None => other.clone().into_bytes(),
        };
        let bytes = [&bytes, &b"\n"[..]].concat();
        let whole = found(&expected, &bytes);
        prop_assert_eq!(whole.is_ok(), fits_as_a_whole(&expected, &bytes), "{} {}", pattern, bytes.escape_ascii());
        let first = (0..=bytes.len()).find(|cut| matches!(found(&expected, &bytes[..*cut]), Err(Misfit::Not(_))));
        let Some(first) = first else { return Ok(()) };
        let told = found(&expected, &bytes[..first]);
        for cut in first..=bytes.len() {
            prop_assert_eq!(&found(&expected, &bytes[..cut]), &told, "{} {} {}", pattern, bytes.escape_ascii(), cut);
        }
        let tails = (0..value.len()).map(|from| &value.as_bytes()[from..]);
        for end in ENDS.iter().map(|end| end.as_bytes()).chain(tails) {
            let completed = [&bytes[..first], end, b"\n"].concat();
            prop_assert!(!fits_as_a_whole(&expected, &completed), "{} {}", pattern, completed.escape_ascii());
        }
    }
}

fn cases() -> u32 {
    std::env::var("TCPIP_SCRIPTS").map_or(128, |count| count.parse().expect("TCPIP_SCRIPTS is a number"))
}
