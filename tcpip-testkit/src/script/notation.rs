//! How bytes are written in a script.

/// A run of equal bytes longer than this is written as one and how often it comes.
const LONGEST_RUN: usize = 4;
/// A run of printable bytes in binary data that is at least so long is written as text.
const SHORTEST_TEXT: usize = 8;
/// How many bytes one hexadecimal item has at most, and how long a line of binary data is.
const HEX_BYTES: usize = 32;
const BINARY_COLUMNS: usize = 100;

/// ASCII's names for the bytes from 0 to 31.
pub(crate) const CONTROL_NAMES: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR", "SO", "SI", "DLE",
    "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
];

/// Returns these bytes as items on one line.
pub(crate) fn items(bytes: &[u8]) -> String {
    lines(bytes).join(" ")
}

/// Returns these bytes as items, a line for each line of a text, and for as much of binary data as fits on one. No
/// bytes at all are an empty text.
///
/// What is not UTF-8, or holds a NUL, is binary data: hexadecimal, but for longer runs of printable bytes.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    match str::from_utf8(bytes) {
        Ok("") => vec![r#""""#.to_owned()],
        Ok(text) if !bytes.contains(&0) => text_lines(text),
        _ => binary_lines(bytes),
    }
}

/// A line ends with all the carriage returns and line feeds that there are.
fn text_lines(text: &str) -> Vec<String> {
    let is_line_end = |byte: u8| byte == b'\r' || byte == b'\n';
    text.as_bytes()
        .chunk_by(|&before, &byte| !is_line_end(before) || is_line_end(byte))
        .map(|line| {
            let mut items = Vec::new();
            for run in line.chunk_by(|before, byte| before.is_ascii_control() == byte.is_ascii_control()) {
                match control_name(run[0]) {
                    Some(_) => items.extend(controls(run)),
                    None => items.push(quoted(str::from_utf8(run).expect("a text cut at ASCII characters is one"))),
                }
            }
            items.join(" ")
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

/// A text without control characters of ASCII.
fn quoted(text: &str) -> String {
    let is_shown = |character: char| !character.escape_unicode().eq(character.escape_debug());
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

fn binary_lines(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in binary_items(bytes) {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + item.len() <= BINARY_COLUMNS => {
                line.push(' ');
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

fn binary_items(bytes: &[u8]) -> Vec<String> {
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let (mut items, mut others) = (Vec::new(), Vec::new());
    for run in bytes.chunk_by(|before, byte| is_printable(before) == is_printable(byte)) {
        match str::from_utf8(run) {
            Ok(text) if is_printable(&run[0]) && run.len() >= SHORTEST_TEXT => {
                items.extend(hex_items(&others));
                others.clear();
                items.push(quoted(text));
            }
            _ => others.extend_from_slice(run),
        }
    }
    items.extend(hex_items(&others));
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
        transcript::log::Side,
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

    #[test]
    fn a_line_of_binary_data_fits_on_a_screen() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let lines = lines(&bytes);
        assert!(lines.iter().all(|line| line.len() <= BINARY_COLUMNS), "{lines:#?}");
        assert!(lines.len() <= 40, "{lines:#?}");
        assert_eq!(read(&lines.join("\n")), bytes);
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
            ],
        ) {
            for line in lines(&bytes) {
                prop_assert!(!line.contains(['\n', '\r', '\0']), "{}", line);
            }
            prop_assert_eq!(&read(&items(&bytes)), &bytes);
            prop_assert_eq!(&read(&lines(&bytes).join("\n")), &bytes);
        }
    }
}
