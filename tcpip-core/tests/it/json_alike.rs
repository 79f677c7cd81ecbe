//! A text that needs this library's own reading is otherwise read as `serde_json` reads it.

use std::{collections::BTreeMap, fmt::Debug};

use proptest::{collection::vec, prelude::*, sample::Index};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;
use tcpip_core::JsonMode::{Python, Strict};

#[derive(Deserialize, Debug)]
#[expect(dead_code, reason = "compared by what `Debug` shows")]
enum Kind {
    Unit,
    Newtype(f64),
    Tuple(f32, Option<i8>),
    Struct { value: char },
}

#[derive(Deserialize, Debug)]
#[expect(dead_code, reason = "compared by what `Debug` shows")]
struct Fields {
    a: Option<u64>,
    #[serde(default)]
    b: Vec<Kind>,
    c: Option<Unit>,
}

#[derive(Deserialize, Debug)]
struct Unit;

#[derive(Deserialize, Debug)]
#[expect(dead_code, reason = "compared by what `Debug` shows")]
#[serde(untagged)]
enum Untagged {
    Fields(Fields),
    Pair(f64, String),
    Other(BTreeMap<String, Untagged>),
}

/// Bytes, which `serde_json` takes from a string or an array.
#[derive(Debug)]
#[expect(dead_code, reason = "compared by what `Debug` shows")]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Bytes;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visit)
    }
}

/// Reads `text` in each way, once by this library's own reading, for which the -0 is there.
fn is_read_alike<T: DeserializeOwned + Debug>(text: &str) {
    for mode in [Python, Strict] {
        let own = mode.decode::<(i8, T)>(&format!("[-0, {text}]"));
        let other = serde_json::from_str::<(i8, T)>(&format!("[0, {text}]"));
        match (own, other) {
            (Ok((_, own)), Ok((_, other))) => assert_eq!(format!("{own:?}"), format!("{other:?}"), "{text}"),
            // Half a pair comes before what may be no JSON at all.
            (Err(own), Err(_)) if own.to_string().contains("half of a surrogate pair") => {}
            (Err(own), Err(_)) => {
                let Err(other) = serde_json::from_str::<IgnoredAny>(&format!("[-0, {text}]")) else { continue };
                assert_eq!((own.to_string(), own.classify()), (other.to_string(), other.classify()), "{text}");
            }
            (own, other) => panic!("{text}: {own:?}, {other:?}"),
        }
    }
}

fn is_read_alike_into_all_types(text: &str) {
    is_read_alike::<Value>(text);
    is_read_alike::<IgnoredAny>(text);
    is_read_alike::<Kind>(text);
    is_read_alike::<Fields>(text);
    is_read_alike::<Untagged>(text);
    is_read_alike::<Bytes>(text);
    is_read_alike::<(f32, f64)>(text);
    is_read_alike::<Vec<Option<i128>>>(text);
    is_read_alike::<Box<str>>(text);
    is_read_alike::<()>(text);
    is_read_alike::<BTreeMap<i16, Value>>(text);
    is_read_alike::<BTreeMap<bool, char>>(text);
    is_read_alike::<BTreeMap<Option<char>, u128>>(text);
}

const TEXTS: &[&str] = &[
    "null",
    "true",
    "1.5e3",
    "-12",
    "\"Unit\"",
    "\"a\\u00e9\\\"\\\\\\n🔭\\ud83d\\udd2d\"",
    "[]",
    "{}",
    " [ 1 , 2.5 ] ",
    "[1.25, \"two\"]",
    "[1, null, -170141183460469231]",
    "[0.1, 16777217]",
    r#"{"Newtype": 3}"#,
    r#"{"Tuple": [1.1, null]}"#,
    r#"{"Struct": {"value": "\u00e9"}}"#,
    r#"{"Struct": ["é"]}"#,
    r#"{"Unit": null}"#,
    r#"{"a": 1, "b": ["Unit", {"Newtype": 0}], "c": null, "d": [[{"e": {}}], "\udc00"]}"#,
    r#"[1, [{"Tuple": [1, 2]}], null]"#,
    r#"{"a": {"a": 2}, "x": [1, ""], "y": {}}"#,
    r#"{"1": "x", "-2": [true, false], "30": {"x": 1e400}}"#,
    r#"{"true": "t", "false": "f"}"#,
    r#"{"a": 1, "\u0062": 340282366920938463}"#,
    r#""\ud83d\udd2d\/\b\f\r\t""#,
];

/// Into types of every kind, whatever the text says.
#[test]
fn each_text_is_read_alike() {
    for text in TEXTS {
        is_read_alike_into_all_types(text);
    }
}

proptest! {
    /// Texts that are JSON but for a few characters.
    #[test]
    fn damaged_texts_are_read_alike(
        text in any::<Index>(),
        damage in vec((any::<Index>(), r#"[\[\]{}:, 019.eE+\-untrasl\\"]?"#), 0..4),
    ) {
        let mut characters: Vec<_> = text.get(TEXTS).chars().map(String::from).collect();
        for (index, with) in damage {
            let index = index.index(characters.len());
            characters[index] = with;
        }
        let text = characters.concat();
        // These are read otherwise, which is the point of it.
        prop_assume!(!text.contains("-0"));
        is_read_alike_into_all_types(&text);
    }
}

/// The text of a value, for `RawValue`, is what was sent, whatever it is.
#[test]
fn a_raw_value_is_the_text_that_was_sent() {
    const NAME: &str = "$serde_json::private::RawValue";
    struct Raw(String);
    impl<'de> Deserialize<'de> for Raw {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> Visitor<'de> for Visit {
                type Value = Raw;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("a text")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                    let (name, text) = map.next_entry::<String, String>()?.expect("one");
                    assert_eq!(name, NAME);
                    Ok(Raw(text))
                }
            }
            deserializer.deserialize_newtype_struct(NAME, Visit)
        }
    }
    let sent = r#"{"a" : [NaN,-0, 18446744073709551616 ,"\ud800"]}"#;
    let (Raw(text), zero) = Python.decode::<(Raw, u8)>(&format!("[ {sent} , -0]")).unwrap();
    assert_eq!((&*text, zero), (sent, 0));
}
