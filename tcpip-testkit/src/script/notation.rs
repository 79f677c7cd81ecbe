//! How bytes are written in a script.

/// A run of equal bytes longer than this is written as one and how often it comes.
const LONGEST_RUN: usize = 4;
/// A run of printable bytes in binary data that is at least so long is written as text.
const SHORTEST_TEXT: usize = 8;
/// How many bytes one hexadecimal item has at most.
const HEX_BYTES: usize = 32;
/// How long a line is, and one text where a line wraps: then it has place for a line end.
const COLUMNS: usize = 100;
const TEXT_COLUMNS: usize = 90;

/// ASCII's names for the bytes from 0 to 31.
pub(crate) const CONTROL_NAMES: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI", "DLE",
    "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
];

/// Returns these bytes as items on one line.
pub(crate) fn items(bytes: &[u8]) -> String {
    joined(&item_lines(bytes).concat())
}

/// Returns these bytes as items, a line for each line of a text, and for as much of binary data as fits on one. What is
/// too long for a line goes on in the next. No bytes at all are an empty text.
///
/// What is not UTF-8, or holds a NUL, is binary data: hexadecimal, but for longer runs of printable bytes.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    item_lines(bytes).iter().flat_map(|items| wrapped(items)).collect()
}

/// Returns these bytes as items that mean the same in every encoding.
pub(crate) fn hexadecimal_lines(bytes: &[u8]) -> Vec<String> {
    let items: Vec<Item<'_>> = hex_items(bytes).into_iter().map(Item::Other).collect();
    wrapped(&items)
}

/// An item, or a text that may become several.
#[derive(Clone)]
enum Item<'b> {
    Text(&'b str),
    Other(String),
}

impl Item<'_> {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Other(item) => item.clone(),
        }
    }
}

fn item_lines(bytes: &[u8]) -> Vec<Vec<Item<'_>>> {
    match str::from_utf8(bytes) {
        Ok("") => vec![vec![Item::Text("")]],
        Ok(text) if !bytes.contains(&0) => text_lines(text),
        _ => vec![binary_items(bytes)],
    }
}

/// These items on as many lines as they need.
fn wrapped(items: &[Item<'_>]) -> Vec<String> {
    let columns = |text: &str| text.chars().count();
    let whole = joined(items);
    if columns(&whole) <= COLUMNS {
        return vec![whole];
    }
    let pieces = items.iter().flat_map(|item| match item {
        Item::Text(text) => pieces(text),
        Item::Other(item) => vec![item.clone()],
    });
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(&piece) <= COLUMNS => {
                line.push(' ');
                line.push_str(&piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

fn joined(items: &[Item<'_>]) -> String {
    let items: Vec<String> = items.iter().map(Item::written).collect();
    items.join(" ")
}

/// A line ends with all the carriage returns and line feeds that there are.
fn text_lines(text: &str) -> Vec<Vec<Item<'_>>> {
    let is_line_end = |byte: u8| byte == b'\r' || byte == b'\n';
    text.as_bytes()
        .chunk_by(|&before, &byte| !is_line_end(before) || is_line_end(byte))
        .map(|line| {
            let mut items = Vec::new();
            for run in line.chunk_by(|before, byte| before.is_ascii_control() == byte.is_ascii_control()) {
                match control_name(run[0]) {
                    Some(_) => items.extend(controls(run).map(Item::Other)),
                    None => items.push(Item::Text(str::from_utf8(run).expect("a text cut at ASCII characters is one"))),
                }
            }
            items
        })
        .collect()
}

/// Control characters, by their names.
fn controls(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.chunk_by(u8::eq).flat_map(|run| {
        let name = control_name(run[0]).expect("a control character has a name");
        if run.len() > LONGEST_RUN { vec![format!("{name}*{}", run.len())] } else { vec![name.to_owned(); run.len()] }
    })
}

fn control_name(byte: u8) -> Option<&'static str> {
    CONTROL_NAMES.get(usize::from(byte)).copied().or((byte == 0x7f).then_some("DEL"))
}

/// A text without control characters of ASCII, in as many pieces as it needs: each ends behind a blank or a comma, if
/// there is one in its second half.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let (piece, more) = rest.split_at(piece_end(rest));
        pieces.push(quoted(piece));
        if more.is_empty() {
            return pieces;
        }
        rest = more;
    }
}

fn piece_end(text: &str) -> usize {
    let (mut columns, mut end) = (2, None);
    for (at, character) in text.char_indices() {
        columns += match character {
            '"' | '\\' => 2,
            character if is_shown(character) => 1,
            character => 4 * character.len_utf8(),
        };
        if columns > TEXT_COLUMNS {
            return end.unwrap_or(at);
        }
        if matches!(character, ' ' | ',') && columns > TEXT_COLUMNS / 2 {
            end = Some(at + 1);
        }
    }
    text.len()
}

/// Whether a character stands for itself in a text.
fn is_shown(character: char) -> bool {
    !character.escape_unicode().eq(character.escape_debug())
}

/// A text without control characters of ASCII.
fn quoted(text: &str) -> String {
    if text.contains('"') && !text.contains('\'') && text.chars().all(is_shown) {
        return format!("'{text}'");
    }
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if is_shown(character) => quoted.push(character),
            character => {
                quoted.extend(character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")));
            }
        }
    }
    quoted.push('"');
    quoted
}

fn binary_items(bytes: &[u8]) -> Vec<Item<'_>> {
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let (mut items, mut others) = (Vec::new(), Vec::new());
    for run in bytes.chunk_by(|before, byte| is_printable(before) == is_printable(byte)) {
        match str::from_utf8(run) {
            Ok(text) if is_printable(&run[0]) && run.len() >= SHORTEST_TEXT => {
                items.extend(hex_items(&others).into_iter().map(Item::Other));
                others.clear();
                items.push(Item::Text(text));
            }
            _ => others.extend_from_slice(run),
        }
    }
    items.extend(hex_items(&others).into_iter().map(Item::Other));
    items
}

fn hex_items(bytes: &[u8]) -> Vec<String> {
    let (mut items, mut others) = (Vec::new(), Vec::new());
    for run in bytes.chunk_by(u8::eq) {
        if run.len() > LONGEST_RUN {
            items.extend(others.chunks(HEX_BYTES).map(hex));
            others.clear();
            let one = control_name(run[0]).map_or_else(|| hex(&run[..1]), ToOwned::to_owned);
            items.push(format!("{one}*{}", run.len()));
        } else {
            others.extend_from_slice(run);
        }
    }
    items.extend(others.chunks(HEX_BYTES).map(hex));
    items
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x\"{}\"", bytes.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        script::{
            Script,
            engine::{Engine, Output},
        },
        side::Side,
    };

    #[test]
    fn bytes_are_written_as_people_read_them() {
        for (bytes, expected) in [
            (&b""[..], &[r#""""#][..]),
            (b"?\r\n", &[r#""?" CR LF"#]),
            (b"MAIN CLOSED\nPOSN 285.00\n>", &[r#""MAIN CLOSED" LF"#, r#""POSN 285.00" LF"#, r#"">""#]),
            (b"GET /\r\n\r\nbody", &[r#""GET /" CR LF CR LF"#, r#""body""#]),
            (b"\n\n\n\n\n\nX", &["LF*6", r#""X""#]),
            (b"\x0201R\x03\x7f", &[r#"STX "01R" ETX DEL"#]),
            (b"\x1b\x1b[2J", &[r#"ESC ESC "[2J""#]),
            (br#"{"id": 1}"#, &[r#"'{"id": 1}'"#]),
            (br#"say "it's""#, &[r#""say \"it's\"""#]),
            (br"C:\x", &[r#""C:\\x""#]),
            (br#""\""#, &[r#"'"\"'"#]),
            ("10 °C\n".as_bytes(), &[r#""10 °C" LF"#]),
            ("a\u{85}\u{feff}\"".as_bytes(), &[r#""a\xc2\x85\xef\xbb\xbf\"""#]),
            (b"-------------", &[r#""-------------""#]),
            (b"\x02\0\x0aabc", &[r#"x"02 00 0a 61 62 63""#]),
            (b"\x02\0firmware\xff1234567", &[r#"x"02 00" "firmware" x"ff 31 32 33 34 35 36 37""#]),
            (&[0; 40], &["NUL*40"]),
            (&[0xff; 40], &[r#"x"ff"*40"#]),
            (&[0, 0, 0, 0, 1, 1, 1, 1, 1, 65, 65, 65, 65, 65], &[r#"x"00 00 00 00" SOH*5 x"41"*5"#]),
        ] {
            assert_eq!(lines(bytes), expected, "{}", bytes.escape_ascii());
            assert_eq!(read(&items(bytes)), bytes);
        }
    }

    /// Whatever has no line ends has lines that fit on a screen, and means the same.
    #[test]
    fn long_lines_wrap() {
        let binary: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for (bytes, most) in [
            (&binary[..], 40),
            (&[&[0], &b"a"[..].repeat(1000)[..]].concat(), 13),
            (&b"MOVE 280; ".repeat(100), 12),
            (&b"{\"id\":1},".repeat(100), 14),
            (&b"\x02\x03".repeat(100), 10),
            (&b"\r\n".repeat(100), 7),
            ("\u{85}".repeat(100).as_bytes(), 10),
            ("é\\".repeat(100).as_bytes(), 4),
        ] {
            let lines = lines(bytes);
            assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS), "{lines:#?}");
            assert!(lines.len() <= most, "{} {lines:#?}", lines.len());
            assert_eq!(read(&lines.join("\n")), bytes);
            assert_eq!(read(&items(bytes)), bytes);
        }
        // What fits on a line is on one, and a long text ends behind a blank or a comma.
        let fits = format!("{} 23456789{}\r\n", "a".repeat(40), "b".repeat(43));
        assert_eq!(lines(fits.as_bytes()), [format!("\"{}\" CR LF", fits.trim_end())]);
        let before = "a".repeat(50);
        for (text, expected) in [
            (format!("{before} {before},{before}\n"), vec![before.clone() + " ", before.clone() + ",", before.clone()]),
            (format!("a {}", before.repeat(3)), vec![format!("a {}", "a".repeat(86)), "a".repeat(64)]),
            ("a".repeat(99), vec!["a".repeat(88), "a".repeat(11)]),
        ] {
            let end = if text.ends_with('\n') { " LF" } else { "" };
            let expected: Vec<String> = expected.into_iter().map(|text| format!("\"{text}\"")).collect();
            assert_eq!(lines(text.as_bytes()).join("\n"), expected.join("\n") + end);
        }
        assert!(!items(&b"MOVE 280; ".repeat(100)).contains("\" \""));
    }

    /// What a server sends that plays these items.
    fn read(items: &str) -> Vec<u8> {
        let now = Instant::now();
        let script = Script::parse(&format!("< {items}\n")).unwrap();
        let mut engine = Engine::new(script, Some(Side::Server), now).unwrap();
        engine.poll(now);
        engine.connected(now);
        match engine.poll(now) {
            Output::Send(bytes) => bytes,
            Output::Done => Vec::new(),
            output => panic!("{output:?}"),
        }
    }

    const TELLING: &[u8] = b"\0\x01\r\n\"'\\x*a \xff\xc3\xa9\x7f";

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                any::<String>().prop_map(String::into_bytes),
                // Runs, line ends and everything that quotes.
                prop::collection::vec((prop::sample::select(TELLING), 1..9_usize), 0..20)
                    .prop_map(|runs| runs.into_iter().flat_map(|(byte, count)| vec![byte; count]).collect()),
                // Lines that are long, with all that quotes and is not shown.
                "[ -~é\u{85}\u{300}\u{1f600}]{50,400}[\0\n\u{7f}]?[a-z\"', \t]{0,400}".prop_map(String::into_bytes),
            ],
        ) {
            for line in lines(&bytes) {
                prop_assert!(!line.contains(['\n', '\r', '\0']), "{}", line);
                prop_assert!(line.chars().count() <= COLUMNS, "{}", line);
            }
            prop_assert_eq!(&read(&items(&bytes)), &bytes);
            prop_assert_eq!(&read(&lines(&bytes).join("\n")), &bytes);
        }
    }
}
