//! The encodings beside CPython's codecs. The golden file was made by `golden/make.py`: fix the code, not the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its table has failed")]

use std::{io::Write, process::Command};

use tcpip_core::{Encoding, ReadError, WriteError};

const GOLDEN: &str = include_str!("golden/encodings.txt");
const MAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/make.py");

/// The numbers of a column; `None` for `error`.
fn numbers(column: &str) -> Option<Vec<u32>> {
    match column {
        "error" => None,
        "-" => Some(Vec::new()),
        _ => Some(column.split(',').map(|number| u32::from_str_radix(number, 16).unwrap()).collect()),
    }
}

fn bytes(column: &str) -> Option<Vec<u8>> {
    numbers(column).map(|numbers| numbers.into_iter().map(|number| u8::try_from(number).unwrap()).collect())
}

fn text(column: &str) -> Option<String> {
    numbers(column).map(|numbers| numbers.into_iter().map(|number| char::from_u32(number).unwrap()).collect())
}

/// Every text and every byte string of the golden file becomes what CPython makes of it, errors included.
/// Parity: `encoding`.
#[test]
fn each_encoding_equals_the_codec_of_cpython() {
    let mut lines = 0;
    for line in GOLDEN.lines() {
        let [kind, label, from, to] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let encoding: Encoding = label.parse().unwrap();
        match kind {
            "encode" => match (encoding.encode(&text(from).unwrap()), bytes(to)) {
                (Ok(encoded), Some(expected)) => assert_eq!(&*encoded, expected, "{line}"),
                (Err(WriteError::Encode { encoding: named, .. }), None) => assert_eq!(named, encoding),
                (result, _) => panic!("{result:?} for {line}"),
            },
            "decode" => match (encoding.decode(&bytes(from).unwrap()), text(to)) {
                (Ok(decoded), Some(expected)) => assert_eq!(decoded, expected, "{line}"),
                (Err(ReadError::Decode { bytes: shown, .. }), None) => assert_eq!(Some(shown), bytes(from)),
                (result, _) => panic!("{result:?} for {line}"),
            },
            _ => panic!("{line}"),
        }
        lines += 1;
    }
    assert!(lines > 1500, "only {lines} lines");
}

/// The golden file is what CPython makes today, where there is one of the same byte order.
#[test]
fn the_golden_file_is_what_cpython_makes() {
    match Command::new("python3").arg(MAKE).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stdout == GOLDEN.as_bytes(), "run golden/make.py and look at the difference");
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: the_golden_file_is_what_cpython_makes: python3: {error}");
        }
    }
}
