//! What JSON can say and a Rust type cannot hold is read exactly or refused; no text takes longer than its length.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    time::{Duration, Instant},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tcpip_core::JsonMode::{self, Python, Strict};

const MODES: [JsonMode; 2] = [Python, Strict];

/// In each mode, alone and within other values: the same value, or an error with the same words.
#[expect(clippy::needless_pass_by_value, reason = "callers read better")]
fn reads<T: DeserializeOwned + Debug + PartialEq>(text: &str, expected: Result<T, &str>) {
    for mode in MODES {
        match (mode.decode::<T>(text), mode.decode::<BTreeMap<String, (bool, T)>>(&nested(text)), &expected) {
            (Ok(alone), Ok(nested), Ok(expected)) => assert_eq!((&alone, &nested["é"].1), (expected, expected)),
            (Err(alone), Err(nested), Err(expected)) => {
                for error in [alone, nested] {
                    let told = error.to_string();
                    assert!(told.contains(expected) && told.contains(" at line 1 column "), "{text}: {told}");
                }
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

fn nested(text: &str) -> String {
    format!(r#" {{ "\u00e9" : [ true ,{text}] }} "#)
}

/// Negative zero is an integer as Python has it, 0, and keeps its sign as a float.
#[test]
fn negative_zero_is_an_integer_and_a_float() {
    reads("-0", Ok(0_i8));
    reads("-0", Ok(0_i64));
    reads("-0", Ok(0_i128));
    reads("-0", Ok(0_u64));
    reads("-0", Ok(0_u128));
    reads("-0", Ok(Some(0_i32)));
    reads("-0", Ok(json!(0)));
    reads::<String>("-0", Err("invalid type: integer `0`, expected a string"));
    reads::<i64>("-0.0", Err("invalid type: floating point `-0.0`, expected i64"));
    reads::<i64>("-0e1", Err("invalid type: floating point `-0.0`, expected i64"));
    for text in ["-0", "-0.0", "-0e0"] {
        assert_eq!(Python.decode::<f64>(text).unwrap().to_bits(), (-0.0_f64).to_bits(), "{text}");
        assert_eq!(Python.decode::<f32>(text).unwrap().to_bits(), (-0.0_f32).to_bits(), "{text}");
    }
    assert_eq!(Python.decode::<BTreeMap<i8, u8>>(r#"{"-0": 1, "-1": -0}"#).unwrap(), [(0, 1), (-1, 0)].into());
}

/// An integer of more than 64 bits is exact in those of 128 bits and the nearest float in floats; elsewhere it is an
/// error that names it. Up to 64 bits it is exact everywhere.
#[test]
fn large_integers_are_exact_or_refused() {
    for text in ["18446744073709551616", "-9223372036854775809", "340282366920938463463374607431768211455"] {
        let refused = format!("the integer {text} has more than 64 bits");
        reads::<Value>(text, Err(&refused));
        reads::<i64>(text, Err(&refused));
        reads::<u64>(text, Err(&refused));
        reads::<String>(text, Err(&refused));
        reads(text, Ok(text.parse::<f64>().unwrap()));
        reads(text, Ok(Some(text.parse::<f64>().unwrap())));
    }
    reads("18446744073709551616", Ok(1_i128 << 64));
    reads("18446744073709551616", Ok("18446744073709551616".parse::<f32>().unwrap()));
    reads::<f32>("340282366920938463463374607431768211455", Err("number out of range"));
    reads("18446744073709551616", Ok(1_u128 << 64));
    reads("-9223372036854775809", Ok(-(1_i128 << 63) - 1));
    reads("340282366920938463463374607431768211455", Ok(u128::MAX));
    reads("-170141183460469231731687303715884105728", Ok(i128::MIN));
    reads::<i128>(
        "340282366920938463463374607431768211455",
        Err("the integer 340282366920938463463374607431768211455"),
    );
    reads::<i128>("340282366920938463463374607431768211456", Err("has more than 128 bits"));
    reads::<Value>("-170141183460469231731687303715884105729", Err("has more than 128 bits"));
    reads("1000000000000000000000000000000000000000", Ok(1e39));
    reads("18446744073709551615", Ok(json!(u64::MAX)));
    reads("-9223372036854775808", Ok(json!(i64::MIN)));
    reads("1234567890123456789", Ok(1_234_567_890_123_456_789_i64));
    reads("0.12345678901234567890123456789", Ok(0.123_456_789_012_345_68));
    reads("12345678901234567890123456789.0", Ok(json!(12_345_678_901_234_567_890_123_456_789.0)));
    reads("12345678901234567890123456789e-1", Ok(json!(1_234_567_890_123_456_789_012_345_678.9)));
    reads(r#""18446744073709551616""#, Ok(json!("18446744073709551616")));
    reads(r#"": -0, 18446744073709551616""#, Ok(json!(": -0, 18446744073709551616")));
    for text in ["00000000000000000000", "-00", "01234567890123456789", "-", "--0", "1.", "1e", "-.5"] {
        reads::<Value>(text, Err(""));
    }
}

/// What is passed over is not held, and so need fit nothing.
#[test]
fn what_is_passed_over_may_be_of_any_size() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Kept {
        zero: i64,
    }
    let large = "7".repeat(49);
    let text = format!(r#"{{"large": {large}, "half": ["\ud800", {{"a": -1e400}}], "zero": -0}}"#);
    for mode in MODES {
        assert_eq!(mode.decode::<Kept>(&text).unwrap(), Kept { zero: 0 });
    }
}

/// Where serde looks at a value before it knows the type, an integer beyond 64 bits is refused, never rounded.
#[test]
fn buffered_integers_are_never_rounded() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Outer {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let small = Python.decode::<Outer>(r#"{"id": -0, "a": -0}"#).unwrap();
    assert_eq!(small, Outer { id: 0, rest: [("a".to_owned(), json!(0))].into() });
    let error = Python.decode::<Outer>(r#"{"id": 1, "a": 18446744073709551616}"#).unwrap_err();
    assert!(error.to_string().contains("18446744073709551616 has more than 64 bits"), "{error}");
}

/// Half a surrogate pair, which Python's strings can hold, is an error that says so; a whole one is a character.
#[test]
fn half_a_surrogate_pair_is_refused_by_name() {
    for (text, half) in [
        (r#""\ud800""#, "d800"),
        (r#""\udfff""#, "dfff"),
        (r#""a\uD83Dx""#, "d83d"),
        (r#""\ud83d\n""#, "d83d"),
        (r#""\ud83d\ud83d\udd2d""#, "d83d"),
        (r#""\ud83d\u0041""#, "d83d"),
        (r#""\udd2d\ud83d""#, "dd2d"),
    ] {
        let told = format!("\\u{half} is half of a surrogate pair");
        reads::<String>(text, Err(&told));
        reads::<Value>(text, Err(&told));
        reads::<BTreeMap<String, u8>>(&format!("{{{text}: 1}}"), Err(&told));
    }
    reads(r#""\ud83d\udd2d\uD83D\uDD2D""#, Ok("🔭🔭".to_owned()));
    for text in [r#""\ud83""#, r#""\ud83d\ud""#, r#""\u+123""#, r#""\ud83d"#, r#""\"#, "\"\u{1f}\"", r#""\x""#] {
        reads::<String>(text, Err(""));
    }
}

/// The last of several values of a key counts in a map, as in Python; in a structure it is an error that names the key.
#[test]
fn a_key_twice_is_the_last_or_refused() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Point {
        x: i64,
    }
    for (text, last) in [(r#"{"x": 1, "x": 2}"#, json!(2)), (r#"{"x": 1, "x": -0}"#, json!(0))] {
        reads(text, Ok(json!({ "x": last })));
        reads(text, Ok(BTreeMap::from([("x".to_owned(), last)])));
        reads::<Point>(text, Err("duplicate field `x`"));
    }
    assert!(Python.decode::<BTreeMap<String, f64>>(r#"{"x": 1, "x": NaN}"#).unwrap()["x"].is_nan());
}

/// A byte-order mark is no part of JSON, which the error says; within a string it is a character.
#[test]
fn a_byte_order_mark_is_refused_by_name() {
    for mode in MODES {
        for text in ["\u{feff}1", "\u{feff}", "\u{feff}\"a\"", "\u{feff}-0", "\u{feff}NaN"] {
            let error = mode.decode::<Value>(text).unwrap_err();
            assert!(error.to_string().contains("begins with a byte-order mark"), "{error}");
            assert_eq!((error.line(), error.column()), (1, 1));
        }
    }
    reads("\"\u{feff}\"", Ok("\u{feff}".to_owned()));
}

/// Depth is limited alike, whether or not a text needs this library's own reading.
#[test]
fn the_depth_is_limited_alike() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Empty {}
    let nested = |depth: usize, inner: &str| "[".repeat(depth) + inner + &"]".repeat(depth);
    for inner in ["1", "-0", "NaN", "{\"a\": NaN}"] {
        let depth = if inner.starts_with('{') { 126 } else { 127 };
        assert!(Python.decode::<Value>(&nested(depth, inner)).is_ok(), "{inner}");
        let error = Python.decode::<Value>(&nested(depth + 1, inner)).unwrap_err();
        assert!(error.to_string().contains("recursion limit exceeded"), "{inner}: {error}");
    }
    assert_eq!(Python.decode::<(i8, Empty)>(&format!("[-0, {{\"a\": {}}}]", nested(50_000, "1"))).unwrap().1, Empty {});
}

/// An error tells the place in the text as it was sent, also behind a NaN.
#[test]
fn errors_tell_the_place() {
    for (text, line, column) in
        [("[NaN,\n NaN,\n  x]", 3, 3), ("[NaN, true]", 1, 10), ("[NaN,\n\"é\\x\"]", 2, 5), ("[NaN", 1, 4)]
    {
        let error = Python.decode::<Vec<f64>>(text).unwrap_err();
        assert_eq!((error.line(), error.column()), (line, column), "{error} in {text:?}");
    }
}

/// As the escapes of each character, of which none is in a pair.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|character| ["\\u".to_owned(), format!("{:04x}", u32::from(character))]).collect()
}

/// Every private character, as itself and as an escape, beside the words: each is what it is.
#[test]
fn no_character_is_in_the_way_of_a_word() {
    let all: String = ('\u{e000}'..='\u{f8ff}').collect();
    let escaped = escaped(&all);
    for private in [&all, &escaped, &escaped.to_uppercase().replace("\\U", "\\u")] {
        let text = format!("[\"{private}\", NaN, -Infinity]");
        let (string, nan, infinite): (String, f64, f64) = Python.decode(&text).unwrap();
        assert!(string == all && nan.is_nan() && infinite == f64::NEG_INFINITY);
    }
}

/// No text takes longer than one of the same length that says little, beyond what a larger part of it costs more.
/// Failure 40.
#[test]
fn no_text_takes_more_than_its_length() {
    const LENGTH: usize = 300_000;
    let filled = |part: &str| part.repeat(LENGTH / part.len());
    let escapes = escaped(&('\u{e000}'..='\u{f8ff}').collect::<String>());
    let benign = format!("[{}NaN]", filled("\"a\", "));
    for hostile in [
        format!("[\"{}\", NaN]", filled(&escapes)),
        format!("[\"{}\", NaN]", filled("\u{e000}\\uE001")),
        format!("[{}NaN]", filled(&format!("NaN{}, ", " ".repeat(1000)))),
        format!("[NaN{}", filled(" ")),
        format!("[NaN, {}", filled("NaN, NaN ")),
        format!("[-0, 0.{}]", filled("7")),
        format!("[-0, \"a{}\"]", filled("7")),
        format!("[-0, {}]", filled("7")),
        format!("[NaN, {}", filled("\"")),
        format!("[NaN, \"{}", filled("\\")),
        format!("[NaN, {}]", filled("-")),
        format!("NaN{}", filled("-0 ")),
        format!("[{}NaN]", filled("-0, ")),
        format!("[{}NaN]", filled("\n")),
        format!("[NaN, {}", filled("[")),
        format!("[NaN, {}", filled("{\"a\":")),
        format!("{{{}\"\": NaN}}", filled("\"a\": -0,")),
    ] {
        let mut times = [Duration::MAX; 2];
        for _ in 0..3 {
            for (shortest, text) in times.iter_mut().zip([&benign, &hostile]) {
                let before = Instant::now();
                let _ = std::hint::black_box(Python.decode::<Value>(text));
                *shortest = before.elapsed().min(*shortest);
            }
        }
        assert!(times[1] < 20 * times[0], "{times:?} for {hostile:.60}");
    }
}
