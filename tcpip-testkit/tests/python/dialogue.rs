//! What is said, as in `peer.py`, by this library.

use serde_json::{Value, json};
use tcpip_server::{Batch, Connection, Encoding, ReadError};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes, big_endian,
    little_endian::{F64, I64, U32},
};

/// Python's `<I`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy)]
#[repr(C)]
struct Header {
    count: U32,
}

/// Python's `<d3q`.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy)]
#[repr(C)]
struct Body {
    position: F64,
    counts: [I64; 3],
}

/// Python's `>H?B`.
#[derive(TryFromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy)]
#[repr(C)]
struct Flags {
    id: big_endian::U16,
    moving: bool,
    door: u8,
}

const ASKED: Flags = Flags { id: big_endian::U16::new(0x0102), moving: true, door: 7 };
const TOLD: Flags = Flags { id: big_endian::U16::new(0x0201), moving: false, door: 7 };

fn texts() -> [(Encoding, Vec<String>); 3] {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut utf8 = owned(&["status", "", "280.00 MV", "Kuppel öffnen €", "望遠鏡 🔭"]);
    utf8.push("x".repeat(100_000));
    let mut latin1 = owned(&["Kuppel öffnen ÿ"]);
    latin1.push((0x20..=0xff).map(char::from).collect());
    [(Encoding::Utf8, utf8), (Encoding::Latin1, latin1), (Encoding::Ascii, owned(&["status", "~ !"]))]
}

fn values() -> [Value; 6] {
    [
        json!({"az": 280.5, "moving": true, "door": null, "name": "Küppel 🔭", "list": [1, -2, 3],
               "nested": {"a": {"b": []}}}),
        json!({"small": 1e-300, "large": f64::MAX, "tenth": 0.1, "integer": i64::MAX, "negative": i64::MIN}),
        json!([]),
        json!("text"),
        json!(12.0),
        json!(null),
    ]
}

/// Which JSON does not have, and Python's does.
const NUMBERS: [f64; 4] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5];

/// Reads these numbers, of which one does not equal itself.
async fn reads_numbers(link: &Connection) {
    assert_eq!(format!("{:?}", link.read_json::<[f64; 4]>().await.unwrap()), format!("{NUMBERS:?}"));
}

fn bodies() -> [Body; 2] {
    let body = |position: f64, counts: [i64; 3]| Body { position: position.into(), counts: counts.map(I64::from) };
    [body(1.5, [1, 2, 3]), body(-0.1, [i64::MIN, 0, i64::MAX])]
}

/// Asks, and checks the replies.
pub(crate) async fn drive(link: &Connection) {
    for (encoding, texts) in texts() {
        link.set_encoding(encoding).unwrap();
        for text in texts {
            link.write_str(&text).await.unwrap();
            assert_eq!(link.read_str().await.unwrap(), format!("got {text}"));
        }
    }
    link.set_encoding(Encoding::Utf8).unwrap();

    for value in values() {
        for _ in 0..2 {
            link.write_json(&value).await.unwrap();
            assert_eq!(link.read_json::<Value>().await.unwrap(), json!({ "got": value }));
        }
    }
    link.write_json(&NUMBERS).await.unwrap();
    reads_numbers(link).await;

    let bodies = bodies();
    link.write_from((&Header { count: 2.into() }, &bodies)).await.unwrap();
    for body in bodies {
        assert_eq!(link.read_struct::<Body>().await.unwrap(), body);
    }
    link.write_from(&ASKED).await.unwrap();
    assert_eq!(link.read_struct::<Flags>().await.unwrap(), TOLD);

    mixed(link, ["before", "after"], bodies[0]).send().await.unwrap();
    assert_eq!(link.read_str().await.unwrap(), "got before");
    assert_eq!(link.read_struct::<Body>().await.unwrap(), bodies[0]);
    assert_eq!(link.read_str().await.unwrap(), "got after");

    for byte in b"slow\r\n" {
        link.write(&[*byte]).await.unwrap();
    }
    assert_eq!(link.read_str().await.unwrap(), "got slow");
    link.write_str("bye").await.unwrap();
    assert_eq!(link.read_str().await.unwrap(), "got bye");
}

/// Checks what is asked, and replies, also behind the end of what is asked: half-closing has to be allowed for that.
pub(crate) async fn respond(link: &Connection) {
    for (encoding, texts) in texts() {
        link.set_encoding(encoding).unwrap();
        for text in texts {
            assert_eq!(link.read_str().await.unwrap(), text);
            link.write_str(&format!("got {text}")).await.unwrap();
        }
    }
    link.set_encoding(Encoding::Utf8).unwrap();

    for value in values() {
        for _ in 0..2 {
            assert_eq!(link.read_json::<Value>().await.unwrap(), value);
            link.write_json(&json!({ "got": value })).await.unwrap();
        }
    }
    reads_numbers(link).await;
    link.write_json(&NUMBERS).await.unwrap();

    assert_eq!(link.read_struct::<Header>().await.unwrap().count.get(), 2);
    for body in bodies() {
        let mut copy = Body { position: F64::ZERO, counts: [I64::ZERO; 3] };
        link.read_into(&mut copy).await.unwrap();
        assert_eq!(copy, body);
        link.write_from(&copy).await.unwrap();
    }
    assert_eq!(link.read_struct::<Flags>().await.unwrap(), ASKED);
    link.write_from(&TOLD).await.unwrap();

    assert_eq!(link.read_str().await.unwrap(), "before");
    let body = link.read_struct().await.unwrap();
    assert_eq!(link.read_str().await.unwrap(), "after");
    mixed(link, ["got before", "got after"], body).send().await.unwrap();

    for text in ["slow", "bye"] {
        assert_eq!(link.read_str().await.unwrap(), text);
        link.write_str(&format!("got {text}")).await.unwrap();
    }
    assert!(matches!(link.read_str().await, Err(ReadError::EndOfStream { .. })));
    link.shutdown_write().await.unwrap();
}

/// Text and a structure in one message.
fn mixed(link: &Connection, [before, after]: [&str; 2], body: Body) -> Batch {
    let mut batch = link.batch();
    batch.write_str(before).unwrap().write_from(&body).write_str(after).unwrap();
    batch
}
