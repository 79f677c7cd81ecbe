//! JSON over a connection.

use std::error::Error;

use macro_rules_attribute::apply;
use serde_json::Value;
use tcpip_client::{JsonMode, ReadError, WriteError};
use tcpip_testkit::ExpectExt;
use tokio::io::AsyncWriteExt;

use crate::{
    kinds::{Kind, meet, pair},
    over_each_kind::over_each_kind,
    reads_well::assert_reads_well,
};

/// Fault 16, failure 27: whatever a peer sends as JSON is a value or an error with the text, takes exactly its frame,
/// and costs neither the stack nor the log anything.
/// Parity: `read_json`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn hostile_json_takes_exactly_its_frame<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    for (text, is_value) in [
        ("[NaN, Infinity, -Infinity]".to_owned(), true),
        ("7".repeat(30), false),
        ("7".repeat(5000), false),
        ("1e400".to_owned(), false),
        (r#"{"a": 1, "a": 2}"#.to_owned(), true),
        ("[".repeat(50_000) + &"]".repeat(50_000), false),
        ("[".repeat(50_000) + "NaN" + &"]".repeat(50_000), false),
        ("\"\0\"".to_owned(), false),
        ("\u{feff}1".to_owned(), false),
        (r#""\ud800""#.to_owned(), false),
        (String::new(), false),
    ] {
        peer.write_all(format!("{text}\r\n[1, \"next\"]\r\n").as_bytes()).await.unwrap();
        match client.read_json::<Value>().await {
            Ok(_) => assert!(is_value, "{text:.40}"),
            Err(ReadError::Json { text: shown, source }) => {
                assert!(!is_value && shown == text, "{text:.40}");
                assert!(source.to_string().len() < 1024);
                let error = ReadError::Json { text: shown, source };
                assert_reads_well(&error);
                assert!(error.source().is_some());
            }
            Err(other) => panic!("{other} for {text:.40}"),
        }
        assert_eq!(client.read_json::<(i32, String)>().await.unwrap(), (1, "next".to_owned()));
    }
}

/// Fault 22: a number that JSON has no form for goes out as Python writes it, alone and in a batch; in the strict mode
/// nothing is sent, and none is read.
/// Parity: `write_json`.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn non_finite_numbers_are_pythons_or_refused<K: Kind>() {
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let (client, mut peer) = pair::<K>().await;
    assert_eq!(client.connection().json(), JsonMode::Python);
    client.write_json(&numbers).await.unwrap();
    let mut batch = client.batch();
    batch.write_json(&("é", f64::NAN)).unwrap();
    batch.send().await.unwrap();
    let expected = b"[NaN, Infinity, -Infinity]\r\n[\"\\u00e9\", NaN]\r\n";
    peer.expect(expected).await;
    peer.write_all(expected).await.unwrap();
    assert_eq!(format!("{:?}", client.read_json::<[f64; 3]>().await.unwrap()), format!("{numbers:?}"));

    let (strict, mut peer) = meet::<K>(|client| client.json(JsonMode::Strict)).await;
    assert!(matches!(strict.write_json(&numbers).await, Err(WriteError::Json(_))));
    assert!(matches!(strict.batch().write_json(&numbers), Err(WriteError::Json(_))));
    strict.write_json(&1.0).await.unwrap();
    peer.expect(b"1.0\r\n").await;
    peer.write_all(b"[NaN]\r\n[1.5]\r\n").await.unwrap();
    assert!(matches!(strict.read_json::<[f64; 1]>().await, Err(ReadError::Json { .. })));
    assert_eq!(strict.read_json::<[f64; 1]>().await.ok(), Some([1.5]));
}
