//! What a change of terminator or encoding means for a read that waits, and for heartbeats.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_client::{Client, ConnectError, Encoding, HEARTBEAT, OptionError, Terminator};
use tcpip_core::endpoint::SessionOptions;
use tcpip_server::{OneClientServer, StartError};
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::{
    cut::cut,
    kinds::Kind,
    link::{start, start_session},
    over_each_kind::over_each_kind,
};

/// A read that waits follows a change, also for what has come already.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_waiting_read_follows_a_change<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"caf\xe9;tea;").await.unwrap();
    assert_eq!(link.read_exact(1).await.unwrap(), b"c");
    let reader = link.clone();
    let reading = tokio::spawn(async move { reader.read_str().await });
    // It has looked, and found no end.
    tokio::task::yield_now().await;
    link.set_encoding(Encoding::Latin1).unwrap();
    link.set_terminator(b";").unwrap();
    assert_eq!(eventually(reading).await.unwrap().unwrap(), "afé");
    assert_eq!(link.read_str().await.unwrap(), "tea");
    assert!(cut(4, link.read_str()).await.is_none());
    link.close().await;
}

/// So a heartbeat is none of its messages, before and behind the change.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_waiting_read_takes_no_heartbeat_for_a_message<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let max_heartbeat_interval = Some(Duration::from_mins(1));
    let link = start_session(near, SessionOptions { max_heartbeat_interval, ..SessionOptions::new("test") });
    let reader = link.clone();
    let reading = tokio::spawn(async move { reader.read_str().await });
    far.write_all(format!("{HEARTBEAT}\r\n").as_bytes()).await.unwrap();
    tokio::task::yield_now().await;
    link.set_terminator(b";").unwrap();
    far.write_all(format!("{HEARTBEAT};command;").as_bytes()).await.unwrap();
    let read = eventually(reading).await.unwrap().unwrap();
    // The first may have been noted, or be still there when the terminator changes: then it is the beginning of a
    // message.
    assert!(read == "command" || read == format!("{HEARTBEAT}\r\n{HEARTBEAT}"), "{read:?}");
    assert!(link.last_heartbeat().is_some() || read != "command");
    link.close().await;
}

/// Heartbeats that are sent are checked against the terminator of what is sent, those that are expected against that of
/// what is read; a change that would stop them is refused, and changes nothing.
#[test_log::test(tokio::test)]
async fn heartbeats_are_checked_against_the_terminator_that_they_have() {
    let client = |terminator: Terminator, write_terminator: Terminator| {
        Client::from_stream(tokio::io::duplex(100).0)
            .terminator(terminator)
            .write_terminator(write_terminator)
            .heartbeat_interval(Duration::from_secs(1))
    };
    let refused = client(b"\n".into(), b"beat".into()).connect().await.unwrap_err();
    assert!(matches!(refused, ConnectError::Option(OptionError::TerminatorInHeartbeat)), "{refused:?}");
    let sends = client(b"beat".into(), b"\n".into()).connect().await.unwrap();
    sends.set_terminator(b"heart").unwrap();

    let server = |terminator: Terminator, write_terminator: Terminator| {
        OneClientServer::builder()
            .terminator(terminator)
            .write_terminator(write_terminator)
            .max_heartbeat_interval(Duration::from_secs(1))
    };
    let refused = server(b"beat".into(), b"\n".into()).start().await.unwrap_err();
    assert!(matches!(refused, StartError::Option(OptionError::TerminatorInHeartbeat)), "{refused:?}");
    let expects = server(b"\n".into(), b"beat".into()).start().await.unwrap();
    assert_eq!(expects.set_terminator(b"beat"), Err(OptionError::TerminatorInHeartbeat));
    assert_eq!(expects.terminator(), b"\n");
    expects.set_terminator(b"\0").unwrap();
    // In UTF-16 every character of a heartbeat has a zero byte.
    assert_eq!(expects.set_encoding(Encoding::Utf16), Err(OptionError::TerminatorInHeartbeat));
    assert_eq!(expects.encoding(), Encoding::Utf8);
}
