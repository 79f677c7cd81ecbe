//! The end of the stream ends a read loop, and is no failure of its handler.

use macro_rules_attribute::apply;
use tcpip_server::{Connection, DisconnectReason, HandlerResult, OneClientReadLoopServer, ReadAndDispatch, ReadError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{io::AsyncWriteExt, sync::mpsc};
use tracing::Level;

use crate::{
    dial::{dial, dial_in},
    events::event_channel,
    log_count::LogCount,
    over_both::over_both,
    scripted::{Scripted, scripted},
};

/// A client that leaves between two messages is no trouble for the log; one that leaves within a message is.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn clean_end_is_not_logged_as_trouble_and_a_truncated_frame_is() {
    let (log, _listening) = LogCount::start();
    let server = scripted(Scripted::default()).await;
    for (sent, warnings) in [("", 0), ("echo\r\n", 0), ("echo\r\nhalf a li", 1)] {
        let (mut client, session) = dial_in(&*server).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        client.rest().await.unwrap();
        eventually(session.wait_closed()).await;
        while server.handler().noted().await != "on_disconnect" {}
        assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
        assert_eq!(log.of(Level::WARN, "").len(), warnings, "{sent:?}");
        assert_eq!(log.of(Level::ERROR, "").len(), 0);
    }
}

/// Reads with `read_line` and `read`, which have no error for the end of the stream.
struct Echo {
    by_line: bool,
    reads: mpsc::UnboundedSender<Vec<u8>>,
}

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let data = if self.by_line { connection.read_line().await? } else { connection.read(100).await? };
        let _ = self.reads.send(data);
        Ok(())
    }
}

/// Fault 9: a read loop on `read_line` or `read` ends with the stream, calls the callback and closes the socket.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn read_loop_on_read_line_or_read_ends_with_the_stream() {
    for by_line in [true, false] {
        let (reads, mut data) = mpsc::unbounded_channel();
        let (callback, mut events) = event_channel();
        let builder = OneClientReadLoopServer::builder(Echo { by_line, reads }).connect_callback(callback);
        let server = builder.start().await.unwrap();
        let mut client = dial(&server).await;
        client.write_all(b"a line\n").await.unwrap();
        assert_eq!(eventually(data.recv()).await.unwrap(), b"a line\n");
        client.write_all(b"a rest").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(eventually(data.recv()).await.unwrap(), b"a rest");
        client.expect_end().await;
        eventually(events.recv()).await.unwrap();
        let ended = eventually(events.recv()).await.unwrap();
        assert_eq!(ended.reason(), Some(DisconnectReason::ClosedByPeer));
        eventually(ended.connection().wait_closed()).await;
        eventually(|| !server.is_reading()).await;
        let reads: Vec<_> = std::iter::from_fn(|| data.try_recv().ok()).collect();
        assert!(reads.len() <= 1 && reads.concat().is_empty(), "{reads:?}");
    }
}

/// How a handler's helpers pass an error of the library on.
#[derive(Clone, Copy, Debug)]
enum PassedOn {
    LibraryError,
    IoError,
    Cause,
}

#[derive(Debug, thiserror::Error)]
#[error("no command came")]
struct Cause(#[source] ReadError);

impl ReadAndDispatch for PassedOn {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await.map(drop).map_err(|error| match self {
            Self::LibraryError => tcpip_server::Error::from(error).into(),
            Self::IoError => std::io::Error::from(error).into(),
            Self::Cause => Cause(error).into(),
        })
    }
}

/// The end of a session stays no failure of the handler however the handler's helpers wrap it, and an end within a
/// message stays one to warn of.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn end_that_is_passed_on_in_another_error_is_no_failure() {
    for passed_on in [PassedOn::LibraryError, PassedOn::IoError, PassedOn::Cause] {
        for (sent, warnings) in [("one\r\n", 0), ("one\r\nhalf", 1)] {
            let (log, _listening) = LogCount::start();
            let server = OneClientReadLoopServer::builder(passed_on).start().await.unwrap();
            let (mut client, _) = dial_in(&server).await;
            client.write_all(sent.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            client.rest().await.unwrap();
            eventually(server.close()).await;
            assert_eq!(log.of(Level::ERROR, ""), Vec::<String>::new(), "{passed_on:?}");
            assert_eq!(log.of(Level::WARN, "").len(), warnings, "{passed_on:?}");
        }
    }
}
