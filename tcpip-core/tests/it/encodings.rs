//! The encodings and their labels beside CPython's codecs. The golden file was made by `golden/make.py`: fix the code,
//! not the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its table has failed")]

use std::{io::Write, process::Command};

use tcpip_core::{Encoding, ReadError, WriteError};

const GOLDEN: &str = include_str!("golden/encodings.txt");
const MAKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/make.py");

/// The numbers of a column, or where the codec found the first offence.
fn numbers(column: &str) -> Result<Vec<u32>, usize> {
    match (column, column.strip_prefix("error@")) {
        (_, Some(position)) => Err(position.parse().unwrap()),
        ("-", None) => Ok(Vec::new()),
        _ => Ok(column.split(',').map(|number| u32::from_str_radix(number, 16).unwrap()).collect()),
    }
}

fn bytes(column: &str) -> Result<Vec<u8>, usize> {
    numbers(column).map(|numbers| numbers.into_iter().map(|number| u8::try_from(number).unwrap()).collect())
}

fn text(column: &str) -> Result<String, usize> {
    numbers(column).map(|numbers| numbers.into_iter().map(|number| char::from_u32(number).unwrap()).collect())
}

/// Every text and every byte string of the golden file becomes what CPython makes of it, errors and their positions
/// included.
/// Parity: `encoding`.
#[test]
fn each_encoding_equals_the_codec_of_cpython() {
    let mut lines = 0;
    for line in GOLDEN.lines() {
        let [kind, label, from, to] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let encoding: Encoding = label.parse().unwrap();
        match kind {
            "encode" => match (encoding.encode(&text(from).unwrap()), bytes(to)) {
                (Ok(encoded), Ok(expected)) => assert_eq!(&*encoded, expected, "{line}"),
                (Err(WriteError::Encode { encoding: named, character, position }), Err(index)) => {
                    // Python counts characters.
                    let text = text(from).unwrap();
                    let expected = text.char_indices().nth(index).unwrap();
                    assert_eq!((named, (position, character)), (encoding, expected), "{line}");
                }
                (result, _) => panic!("{result:?} for {line}"),
            },
            "decode" => match (encoding.decode(&bytes(from).unwrap()), text(to)) {
                (Ok(decoded), Ok(expected)) => assert_eq!(decoded, expected, "{line}"),
                (Err(ReadError::Decode { encoding: named, bytes: shown, position }), Err(expected)) => {
                    assert_eq!((named, position), (encoding, expected), "{line}");
                    assert_eq!(Ok(shown), bytes(from));
                }
                (result, _) => panic!("{result:?} for {line}"),
            },
            _ => panic!("{line}"),
        }
        lines += 1;
    }
    assert!(lines > 2000, "only {lines} lines");
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

/// Python's own name of each encoding, and all that `encodings.aliases` has for it.
const LABELS: [(Encoding, &str, &str); 11] = [
    (Encoding::Utf8, "utf-8", "utf_8 u8 utf utf8 utf8_ucs2 utf8_ucs4 cp65001"),
    (Encoding::Utf8Sig, "utf-8-sig", "utf_8_sig"),
    (
        Encoding::Ascii,
        "ascii",
        "ascii 646 ansi_x3.4_1968 ansi_x3_4_1968 ansi_x3.4_1986 cp367 csascii ibm367 iso646_us iso_646.irv_1991 \
         iso_ir_6 us us_ascii",
    ),
    (
        Encoding::Latin1,
        "iso8859-1",
        "latin_1 8859 cp819 csisolatin1 ibm819 iso8859 iso8859_1 iso_8859_1 iso_8859_1_1987 iso_ir_100 l1 latin latin1",
    ),
    (Encoding::Cp1252, "cp1252", "cp1252 1252 windows_1252"),
    (Encoding::Utf16, "utf-16", "utf_16 u16 utf16"),
    (Encoding::Utf16Le, "utf-16-le", "utf_16_le unicodelittleunmarked utf_16le"),
    (Encoding::Utf16Be, "utf-16-be", "utf_16_be unicodebigunmarked utf_16be"),
    (Encoding::Utf32, "utf-32", "utf_32 u32 utf32"),
    (Encoding::Utf32Le, "utf-32-le", "utf_32_le utf_32le"),
    (Encoding::Utf32Be, "utf-32-be", "utf_32_be utf_32be"),
];

/// Each label of Python's, in any case and with whatever stands for the underscore, names its encoding, and what this
/// library prints is one of them; others are refused by name.
#[test]
fn each_label_of_python_names_its_encoding() {
    for (encoding, own, labels) in LABELS {
        for label in labels.split(' ').chain([own, encoding.label()]) {
            for written in [label.to_owned(), label.to_uppercase(), label.replace('_', "-"), label.replace('_', " - ")]
            {
                assert_eq!(written.parse(), Ok(encoding), "{written}");
            }
        }
        assert_eq!(encoding.to_string(), encoding.label());
    }
    assert_eq!("ISO8859.1".parse(), Ok(Encoding::Latin1));
    for label in ["", "utf-7", "utf16-8", "utf.8", "utf-8.", "latin.1", "utf8\0", "cp-1252", "utf8-sig"] {
        assert!(label.parse::<Encoding>().is_err(), "{label}");
    }
    assert_eq!("klingon".parse::<Encoding>().unwrap_err().to_string(), "unknown encoding \"klingon\"");
}

/// Prints, for every label that CPython has for any codec, written in many ways, the label in hexadecimal and the codec
/// that it finds.
const LOOK_UP: &str = r#"
import codecs, encodings, encodings.aliases, pkgutil
names = {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
names |= {module.name for module in pkgutil.iter_modules(encodings.__path__)}
joints = ["_", "-", " ", "__", "- ", ".", "", "\u00e9", "/", "_.", "1"]
labels = {name.replace("_", joint) for name in names for joint in joints}
labels |= {name.replace(".", joint) for name in names for joint in joints}
affixed = lambda name: [name.upper(), "_" + name, name + "--", "." + name, name + ".", name + "s"]
labels |= {label for name in names for label in affixed(name)}
for label in sorted(labels):
    try:
        name = codecs.lookup(label).name
    except LookupError:
        name = "none"
    print(label.encode().hex() or "-", name)
"#;

/// No label that CPython knows for one of these encodings is missing, and none that it does not know is taken.
#[test]
fn the_labels_are_those_that_cpython_looks_up() {
    let output = match Command::new("python3").args(["-c", LOOK_UP]).output() {
        Ok(output) => output,
        Err(error) => {
            let _ =
                writeln!(std::io::stderr(), "skipped: the_labels_are_those_that_cpython_looks_up: python3: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut known = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (hex, codec) = line.split_once(' ').unwrap();
        let bytes = hex.as_bytes().as_chunks().0.iter().filter(|_| hex != "-");
        let bytes =
            bytes.map(|[a, b]| u8::from_str_radix(&format!("{}{}", char::from(*a), char::from(*b)), 16).unwrap());
        let label = String::from_utf8(bytes.collect()).unwrap();
        let expected = LABELS.iter().find(|(_, own, _)| *own == codec).map(|(encoding, ..)| *encoding);
        assert_eq!(label.parse::<Encoding>().ok(), expected, "{label:?} is {codec}");
        known += usize::from(expected.is_some());
    }
    assert!(known > 300, "only {known} labels");
}

/// With the mark of utf-8-sig each message has one, an empty one too, and one is taken away from each that has it.
#[test]
fn utf_8_sig_marks_each_message() {
    let encoding = Encoding::Utf8Sig;
    for (text, bytes) in [("", "\u{feff}"), ("é", "\u{feff}é"), ("\u{feff}", "\u{feff}\u{feff}")] {
        assert_eq!(encoding.encode(text).unwrap(), bytes.as_bytes());
        assert_eq!(encoding.decode(bytes.as_bytes()).unwrap(), text);
    }
    assert_eq!(encoding.decode(b"").unwrap(), "");
    assert_eq!(encoding.decode(b"unmarked").unwrap(), "unmarked");
    assert_eq!(Encoding::Utf8.decode("\u{feff}".as_bytes()).unwrap(), "\u{feff}");
}
