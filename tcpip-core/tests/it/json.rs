//! JSON beside Python's, and what becomes of NaN and the infinities.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io::Write,
    process::{Command, Stdio},
};

use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tcpip_core::JsonMode::{self, Python, Strict};

/// Of every kind of type that serde has.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Kind {
    Unit,
    Newtype(f64),
    Tuple(f64, f32),
    Struct { value: f64 },
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Everything {
    number: f64,
    small: f32,
    missing: Option<f64>,
    present: Option<f64>,
    kinds: Vec<Kind>,
    map: BTreeMap<String, f64>,
    by_number: BTreeMap<i32, (f64, char)>,
    newtype: Newtype,
    large: (u128, i128),
    unit: (),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Newtype([f64; 1]);

fn everything(number: f64) -> Everything {
    #[expect(clippy::cast_possible_truncation, reason = "a float of the same kind")]
    let small = number as f32;
    Everything {
        number,
        small,
        missing: None,
        present: Some(number),
        kinds: vec![Kind::Unit, Kind::Newtype(number), Kind::Tuple(number, small), Kind::Struct { value: number }],
        map: [("a\u{e000}".to_owned(), number)].into(),
        by_number: [(-1, (number, 'é'))].into(),
        newtype: Newtype([number]),
        large: (u128::MAX, i128::MIN),
        unit: (),
    }
}

/// Fault 22: wherever a number stands in a value, and whatever stands around it, it is written as Python writes it and
/// read as the same; the strict mode refuses what JSON has no form for.
#[test]
fn each_number_in_a_value_of_any_type_comes_back() {
    let golden = r#"{"number": N, "small": N, "missing": null, "present": N, "kinds": ["Unit", {"Newtype": N}, {"Tuple": [N, N]}, {"Struct": {"value": N}}], "map": {"a\ue000": N}, "by_number": {"-1": [N, "\u00e9"]}, "newtype": [N], "large": [340282366920938463463374607431768211455, -170141183460469231731687303715884105728], "unit": null}"#;
    for (number, word) in
        [(1.5, "1.5"), (f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
    {
        let value = everything(number);
        let text = Python.encode(&value).unwrap();
        assert_eq!(text, golden.replace('N', word).replace(&format!("{word}ewtype"), "Newtype"));
        assert_eq!(format!("{:?}", Python.decode::<Everything>(&text).unwrap()), format!("{value:?}"));
        assert_eq!(Strict.encode(&value).is_ok(), number.is_finite());
        assert_eq!(Strict.decode::<Everything>(&text).is_ok(), number.is_finite());
        let error = Strict.encode(&[number]).err().map(|error| error.to_string());
        assert_eq!(error, (!number.is_finite()).then(|| format!("{word} has no JSON form")));
    }
}

/// The words are allowed where a value may stand, and nothing else that is no JSON.
#[test]
fn the_words_are_allowed_and_nothing_else() {
    const INFINITE: f64 = f64::INFINITY;
    for (text, expected) in [
        ("[Infinity]", Some(vec![INFINITE])),
        (" [ -Infinity , 1 ,Infinity\t] ", Some(vec![-INFINITE, 1.0, INFINITE])),
        ("[-NaN]", None),
        ("[+Infinity]", None),
        ("[- Infinity]", None),
        ("[--Infinity]", None),
        ("[nan]", None),
        ("[inf]", None),
        ("[Infinity1]", None),
        ("[1Infinity]", None),
        ("[Infinity.0]", None),
        ("[Infinity Infinity]", None),
        ("[Infinity,]", None),
        ("[Infinity", None),
        ("[Infinity] x", None),
        ("[Infinity, 1e400]", None),
        ("[Infinity, 01]", None),
        ("[Infinity, 'x']", None),
    ] {
        assert_eq!(Python.decode::<Vec<f64>>(text).ok(), expected, "{text}");
    }
    let map = r#"{"NaN": Infinity, "\\": -Infinity, "\"Infinity": 1}"#;
    let expected = [("NaN", INFINITE), ("\\", -INFINITE), ("\"Infinity", 1.0)];
    let expected: BTreeMap<_, _> = expected.map(|(key, number)| (key.to_owned(), number)).into();
    assert_eq!(Python.decode::<BTreeMap<String, f64>>(map).unwrap(), expected);
    assert_eq!(Python.decode::<f64>("Infinity").ok(), Some(INFINITE));
}

/// A word where a number cannot stand is an error, as a number would be.
#[test]
fn a_word_is_a_number_to_every_type() {
    for text in ["NaN", "[NaN]"] {
        for error in [
            Python.decode::<String>(text).unwrap_err(),
            Python.decode::<bool>(text).unwrap_err(),
            Python.decode::<Vec<String>>(text).unwrap_err(),
            Python.decode::<Vec<i64>>(text).unwrap_err(),
        ] {
            assert!(!error.to_string().contains('\u{e000}'), "{error}");
        }
    }
}

proptest! {
    /// Whatever is written is read as the same, and strict JSON is read as without this layer.
    #[test]
    fn what_is_written_is_read(numbers in vec(any::<f64>(), 0..8), text in ".*") {
        let value = (text, numbers);
        let written = Python.encode(&value).unwrap();
        prop_assert!(written.is_ascii());
        let (text, numbers): (String, Vec<f64>) = Python.decode(&written).unwrap();
        prop_assert_eq!(&text, &value.0);
        prop_assert_eq!(format!("{numbers:?}"), format!("{:?}", value.1));
    }

    /// No text at all makes it panic, and what serde_json reads is read as the same, but for -0, which is an integer.
    #[test]
    fn any_text_is_read_or_refused(text in r#"[\[\]{}:,"\\ NaIfinty\-0-9eu.\u{e000}]{0,30}"#) {
        let read = Python.decode::<serde_json::Value>(&text);
        prop_assume!(!text.contains("-0"));
        if let Ok(expected) = serde_json::from_str::<serde_json::Value>(&text) {
            prop_assert_eq!(read.unwrap(), expected);
        }
    }
}

/// Runs a Python expression of `values`, which standard input has, one a line. `None` where there is no Python.
fn python(expression: &str, lines: &[String]) -> Option<Vec<String>> {
    let script = format!("import json, sys\nfor line in sys.stdin:\n    print({expression})\n");
    let child = Command::new("python3").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: JSON beside Python's: python3: {error}");
            return None;
        }
    };
    let input = lines.join("\n") + "\n";
    let mut stdin = child.stdin.take()?;
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("no panic").expect("it reads");
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect())
}

/// Floats with every kind of exponent, and at the edges of the forms.
fn floats() -> Vec<f64> {
    let mut floats =
        vec![0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e22, 1e23, 0.1, 1.0 / 3.0, 9_007_199_254_740_993.0];
    for exponent in -30..30 {
        for digits in [1.0, -1.5, 9.999_999_999_999_999, 1.234_567_890_123_456_7] {
            floats.push(digits * 10_f64.powi(exponent));
        }
    }
    floats
}

/// Python's own `json` writes the same text as this library, for floats, strings and containers, and reads it as the
/// same.
#[test]
fn the_text_is_the_one_that_python_writes() {
    let strings = ["", "plain", "\"\\/\u{8}\u{c}\n\r\t", "\0\u{1}\u{1f}\u{7f}\u{80}", "é€\u{ffff}", "🔭\u{10ffff}"];
    let mut texts: Vec<_> = floats().iter().map(|float| Python.encode(float).unwrap()).collect();
    texts.extend(strings.iter().map(|string| Python.encode(string).unwrap()));
    texts.push(Python.encode(&(BTreeMap::from([("b", vec![1, 2]), ("a", vec![])]), Option::<u8>::None, true)).unwrap());
    texts.push(Python.encode(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]).unwrap());
    if let Some(same) = python("json.dumps(json.loads(line))", &texts) {
        assert_eq!(same, texts);
    }
}

/// What Python writes is read as the same number, to the last bit.
#[test]
fn what_python_writes_is_read() {
    let bits: Vec<_> = floats().iter().map(|float| format!("{:x}", float.to_bits())).collect();
    let expression = "json.dumps(__import__('struct').unpack('>d', bytes.fromhex(line.strip().rjust(16, '0')))[0])";
    if let Some(texts) = python(expression, &bits) {
        for (text, bits) in texts.iter().zip(&bits) {
            assert_eq!(format!("{:x}", Python.decode::<f64>(text).unwrap().to_bits()), *bits, "{text}");
        }
    }
}

/// Fault 16, failure 27: what is hostile, too large or no JSON is an error, or the right value, whatever the type; the
/// error is short.
#[test]
fn hostile_texts_are_errors_or_right() {
    use serde_json::Value;
    let deep = |word: &str| "[".repeat(50_000) + word + &"]".repeat(50_000);
    for (text, is_value) in [
        (deep("1"), false),
        (deep("NaN"), false),
        ("7".repeat(5000), false),
        ("7".repeat(30), false),
        ("1e400".to_owned(), false),
        ("-1e400".to_owned(), false),
        (r#"{"a": 1, "a": 2}"#.to_owned(), true),
        ("\"\0\"".to_owned(), false),
        ("\"\\u0000\"".to_owned(), true),
        ("\u{feff}1".to_owned(), false),
        (r#""\ud800""#.to_owned(), false),
        (String::new(), false),
        ("\"".to_owned() + &"x".repeat(100_000), false),
    ] {
        let read = Python.decode::<Value>(&text);
        let shown: String = text.chars().take(40).collect();
        assert_eq!(read.is_ok(), is_value, "{shown}: {read:?}");
    }
    assert_eq!(Python.decode::<i128>(&"7".repeat(30)).unwrap(), 777_777_777_777_777_777_777_777_777_777);
    assert!(Python.decode::<i64>(&"7".repeat(30)).is_err());
    let error = Python.decode::<f64>(&format!("{:?}", "x".repeat(100_000))).unwrap_err();
    assert!(error.to_string().chars().count() <= 257, "{error}");
}

/// A private character or its escape in the text is no number.
#[test]
fn no_string_is_taken_for_a_number() {
    for text in ["\"\u{e000}0\"", r#""\ue0000""#, r#""\uE0000""#] {
        let both = format!("[{text}, NaN]");
        let (string, number): (String, f64) = Python.decode(&both).unwrap();
        assert_eq!(string, "\u{e000}0");
        assert!(number.is_nan());
    }
}

/// A `Value` has no place for these numbers: they are `null` in it, which is as documented.
#[test]
fn a_value_has_null_for_nan() {
    assert_eq!(Python.decode::<serde_json::Value>("[NaN]").unwrap(), serde_json::json!([null]));
    assert_eq!(Python.encode(&serde_json::json!([f64::NAN])).unwrap(), "[null]");
    assert_eq!(JsonMode::default(), Python);
}

/// What serde buffers on its way, for flattened, untagged and tagged types, keeps these numbers.
#[test]
fn buffered_types_keep_nan() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Outer {
        name: String,
        #[serde(flatten)]
        inner: Inner,
        #[serde(flatten)]
        rest: BTreeMap<String, f64>,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Inner {
        az: f64,
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Untagged {
        Number(f64),
        Text(String),
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(tag = "type")]
    enum Tagged {
        Telemetry { az: f64 },
    }
    fn comes_back<T: Serialize + DeserializeOwned + Debug>(value: &T) {
        let text = Python.encode(value).unwrap();
        assert!(text.contains("NaN"), "{text}");
        assert_eq!(format!("{:?}", Python.decode::<T>(&text).unwrap()), format!("{value:?}"));
    }
    let rest = [("el".to_owned(), f64::NAN)].into();
    comes_back(&Outer { name: "NaN".to_owned(), inner: Inner { az: f64::NAN }, rest });
    comes_back(&[Untagged::Number(f64::NAN), Untagged::Text("NaN".to_owned())]);
    comes_back(&Tagged::Telemetry { az: f64::NAN });
}

/// A key that is no finite number is refused, as one that is no string at all.
#[test]
fn a_key_is_no_nan() {
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key(u64);
    struct NanKey;
    impl Serialize for NanKey {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(f64::NAN, 1)])
        }
    }
    assert_eq!(Python.encode(&BTreeMap::from([(Key(1), 2)])).unwrap(), r#"{"1": 2}"#);
    assert!(Python.encode(&NanKey).is_err());
    assert!(Python.encode(&BTreeMap::from([((1, 2), 3)])).is_err());
    assert!(Python.decode::<BTreeMap<String, f64>>("{NaN: 1}").is_err());
}
