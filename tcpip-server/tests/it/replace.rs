//! Servers that let the newest client take the place, and what those are told that are turned away.

use std::time::Duration;

use macro_rules_attribute::apply;
use tcpip_server::{
    Admission, Connection, DisconnectReason, Encoding, HandlerResult, NetworkStream, OneClientReadLoopServer,
    OneClientServer, ReadAndDispatch, StartError, WriteError,
};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, sync::mpsc};

use crate::{
    dial::{admission_of, dial, dial_in, is_refused},
    events::event_channel,
    over_both::over_both,
};

/// Longer than any test: nothing but the claim itself may end a wait.
const NEVER: Duration = Duration::from_hours(1);

/// The newest client takes the place of the one that is connected. The last session has been lost, not closed, and both
/// have their events, in order.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn the_newest_client_takes_the_place() {
    let (callback, mut events) = event_channel();
    let builder = OneClientServer::builder().admission(Admission::Replace).connect_callback(callback);
    let server = builder.start().await.unwrap();
    let (mut first, session) = dial_in(&server).await;
    let (_second, current) = dial_in(&server).await;
    assert_ne!(session, current);
    assert_eq!(session.reason(), Some(DisconnectReason::Replaced));
    assert!(session.should_be_connected() && !session.is_connected());
    first.expect_end().await;
    for (connection, reason) in [(&session, None), (&session, Some(DisconnectReason::Replaced)), (&current, None)] {
        let event = eventually(events.recv()).await.unwrap();
        assert_eq!((event.connection(), event.reason()), (connection, reason));
    }
    assert!(current.is_connected());
}

/// A client that had hung up already was not replaced by anybody.
#[test_log::test(tokio::test)]
async fn a_client_that_has_hung_up_is_not_replaced() {
    let server = OneClientServer::builder().admission(Admission::Replace).start().await.unwrap();
    let (first, session) = dial_in(&server).await;
    // Without a yield to the runtime between them: the kernel knows both, the server nothing.
    drop(first);
    let second = std::net::TcpStream::connect(server.local_addrs()[0]).unwrap();
    eventually(session.wait_disconnected()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
    drop(second);
}

/// A client of which nothing is heard any more, and for which much is queued, keeps nobody out.
/// Failure 35.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_silent_client_keeps_nobody_out() {
    let builder = OneClientServer::builder().admission(Admission::Replace).write_timeout(None);
    let server = builder.close_timeout(NEVER).start().await.unwrap();
    let (_silent, session) = dial_in(&server).await;
    let flood = vec![0; 32 << 20];
    assert!(tokio::time::timeout(Duration::ZERO, session.write(&flood)).await.is_err());
    let (mut second, current) = dial_in(&server).await;
    current.write_str("hello").await.unwrap();
    second.expect("hello\r\n").await;
    assert!(!session.is_closed(), "it is still being closed");
}

/// Tells what is done to it, and works on each client until it is stopped.
struct Tells(mpsc::UnboundedSender<(&'static str, u64)>);

impl ReadAndDispatch for Tells {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        self.0.send(("begun", connection.number()))?;
        Ok(())
    }

    async fn read_and_dispatch(&self, _: &Connection) -> HandlerResult {
        std::future::pending().await
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let _ = self.0.send(("done", connection.number()));
    }
}

/// The handler of the replaced client, and its tasks, have ended before those of the newest begin.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn the_handler_of_the_replaced_client_ends_first() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let server = OneClientReadLoopServer::builder(Tells(sender.clone()));
    let server = server.admission(Admission::Replace).start().await.unwrap();
    let mut expected = Vec::new();
    let mut clients: Vec<(NetworkStream, u64)> = Vec::new();
    for _ in 0..3 {
        let (client, session) = dial_in(&server).await;
        let (number, sender) = (session.number(), sender.clone());
        if let Some((_, last)) = clients.last() {
            expected.extend([("task", *last), ("done", *last)]);
        }
        expected.push(("begun", number));
        let task_ends = TellsAtEnd(sender, number);
        session.spawn(async move {
            let _task_ends = task_ends;
            std::future::pending::<()>().await;
        });
        clients.push((client, number));
    }
    let mut heard = Vec::new();
    for _ in &expected {
        heard.push(eventually(told.recv()).await.unwrap());
    }
    // A task and a handler end in either order.
    for pair in [1..3, 4..6] {
        heard[pair.clone()].sort_unstable();
        expected[pair].sort_unstable();
    }
    assert_eq!(heard, expected);
}

/// Tells that a task has been dropped.
struct TellsAtEnd(mpsc::UnboundedSender<(&'static str, u64)>, u64);

impl Drop for TellsAtEnd {
    fn drop(&mut self) {
        let _ = self.0.send(("task", self.1));
    }
}

/// A client that is turned away is told why, as a text message of the server, and then sees the end of its stream,
/// whatever it has sent.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_client_that_is_turned_away_is_told_why() {
    let builder = OneClientServer::builder().rejection_message("bus\u{e9}").encoding(Encoding::Latin1);
    let server = builder.terminator(b"\n").write_terminator(b"\r").start().await.unwrap();
    let (mut first, session) = dial_in(&server).await;
    for talkative in [false, true] {
        let mut surplus = dial(&server).await;
        if talkative {
            surplus.write_all(&[b'x'; 10_000]).await.unwrap();
        }
        let mut told = Vec::new();
        eventually(tokio::io::AsyncReadExt::read_to_end(&mut surplus, &mut told)).await.unwrap();
        assert_eq!(told, b"bus\xe9\r");
    }
    // In the encoding that the server has by now, and not at all in one that lacks a character.
    server.set_encoding(Encoding::Utf8).unwrap();
    assert_eq!(dial(&server).await.rest().await.unwrap(), "bus\u{e9}\r".as_bytes());
    server.set_encoding(Encoding::Ascii).unwrap();
    assert!(is_refused(dial(&server).await).await);
    first.write_all(b"still here\n").await.unwrap();
    assert_eq!(eventually(session.read_str()).await.unwrap(), "still here");
}

/// Clients that are told, and do not listen, keep nobody waiting: neither those that come after them nor a close.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn those_who_do_not_listen_when_they_are_turned_away_keep_nobody_waiting() {
    let builder = OneClientServer::builder().rejection_message("busy").close_timeout(NEVER);
    let server = builder.start().await.unwrap();
    let (first, session) = dial_in(&server).await;
    let mut deaf = Vec::new();
    for _ in 0..50 {
        deaf.push(dial(&server).await);
    }
    for (index, client) in deaf.iter_mut().enumerate() {
        let told = client.rest().await.unwrap();
        assert!(told == b"busy\r\n" || told.is_empty() && index > 0, "{index}: {told:?}");
    }
    drop(first);
    eventually(session.wait_disconnected()).await;
    let second = dial(&server).await;
    admission_of(second.local_addr(), &server).await;
    eventually(server.close()).await;
    assert!(server.is_closed());
}

/// A rejection message that is no text message is an error of `start`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_rejection_message_that_cannot_be_sent_is_an_error_of_start() {
    let lacking = OneClientServer::builder().rejection_message("bus\u{e9}").encoding(Encoding::Ascii);
    let error = lacking.start().await.unwrap_err();
    assert!(matches!(error, StartError::RejectionMessage(WriteError::Encode { .. })), "{error:?}");
    let two = OneClientServer::builder().terminator(b"\n").rejection_message("busy\ngo away");
    let error = two.start().await.unwrap_err();
    assert!(matches!(error, StartError::RejectionMessage(WriteError::ContainsTerminator { .. })), "{error:?}");
    assert_eq!(error.to_string(), "the rejection message cannot be sent");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::InvalidInput);
}

/// Clients are rejected by default, without a word.
#[test]
fn clients_are_rejected_by_default() {
    assert_eq!(Admission::default(), Admission::Reject);
    let builder = format!("{:?}", OneClientServer::builder());
    assert!(builder.contains("admission: Reject") && builder.contains("rejection_message: None"), "{builder}");
}
