//! The labels of the encodings: those that Python's `codecs.lookup` takes.

use super::Encoding;

/// Each encoding, Python's own name of it, and the other names, all of them as [`normalized`] makes them.
const NAMES: [(Encoding, &str, &[&str]); 11] = [
    (Encoding::Utf8, "utf_8", &["u8", "utf", "utf8", "utf8_ucs2", "utf8_ucs4", "cp65001"]),
    (Encoding::Utf8Sig, "utf_8_sig", &[]),
    (
        Encoding::Ascii,
        "ascii",
        &[
            "646",
            "ansi_x3.4_1968",
            "ansi_x3_4_1968",
            "ansi_x3.4_1986",
            "cp367",
            "csascii",
            "ibm367",
            "iso646_us",
            "iso_646.irv_1991",
            "iso_ir_6",
            "us",
            "us_ascii",
        ],
    ),
    (
        Encoding::Latin1,
        "latin_1",
        &[
            "8859",
            "cp819",
            "csisolatin1",
            "ibm819",
            "iso8859",
            "iso8859_1",
            "iso_8859_1",
            "iso_8859_1_1987",
            "iso_ir_100",
            "l1",
            "latin",
            "latin1",
        ],
    ),
    (Encoding::Cp1252, "cp1252", &["1252", "windows_1252"]),
    (Encoding::Utf16, "utf_16", &["u16", "utf16"]),
    (Encoding::Utf16Le, "utf_16_le", &["unicodelittleunmarked", "utf_16le"]),
    (Encoding::Utf16Be, "utf_16_be", &["unicodebigunmarked", "utf_16be"]),
    (Encoding::Utf32, "utf_32", &["u32", "utf32"]),
    (Encoding::Utf32Le, "utf_32_le", &["utf_32le"]),
    (Encoding::Utf32Be, "utf_32_be", &["utf_32be"]),
];

/// The encoding that Python knows by this label.
pub(super) fn find(label: &str) -> Option<Encoding> {
    let name = normalized(label)?;
    // Python takes a dot for an underscore in its table of other names, and not in its own names.
    let undotted = name.replace('.', "_");
    let is_name =
        |own: &str, others: &[&str]| own == name || others.iter().any(|other| *other == name || *other == undotted);
    NAMES.iter().find(|(_, own, others)| is_name(own, others)).map(|(encoding, ..)| *encoding)
}

/// Lower case, with one underscore for whatever stands between letters, digits and dots, and nothing before and behind.
fn normalized(label: &str) -> Option<String> {
    let is_kept = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let words: Vec<_> = label.split(|character| !is_kept(character)).filter(|word| !word.is_empty()).collect();
    (!label.contains('\0')).then(|| words.join("_").to_ascii_lowercase())
}
