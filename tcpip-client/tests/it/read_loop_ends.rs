//! How a client's read loop ends: within the deadline of a close, by a stop, and whatever its handler does.

use std::{future::pending, time::Duration};

use tcpip_client::{
    Client, ClientOrServer, Connection, DisconnectReason, HandlerResult, ReadAndDispatch, ReadError, ReadLoopClient,
};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::yield_now,
    time::{Instant, timeout},
};

const CLOSE_TIMEOUT: Duration = Duration::from_millis(567);

/// How much later than its deadline a close may return.
const GRACE: Duration = Duration::from_millis(50);

/// Notes what it reads, and may say farewell without end, or panic when it is dropped.
struct Noting {
    notes: UnboundedSender<String>,
    farewell_ends: bool,
    drop_panics: bool,
}

impl ReadAndDispatch for Noting {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let _ = self.notes.send(connection.read_str().await?);
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        let _ = self.notes.send("on_disconnect".to_owned());
        if !self.farewell_ends {
            pending::<()>().await;
        }
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        assert!(!self.drop_panics, "on purpose");
    }
}

/// A client in memory, and the other end of its stream, which takes 64 bytes.
async fn meet(
    farewell_ends: bool,
    drop_panics: bool,
) -> (ReadLoopClient<Noting>, DuplexStream, UnboundedReceiver<String>) {
    let (sender, noted) = unbounded_channel();
    let (stream, other_end) = tokio::io::duplex(64);
    let builder = Client::from_stream(stream).close_timeout(CLOSE_TIMEOUT);
    let client = builder.connect_with(Noting { notes: sender, farewell_ends, drop_panics }).await.unwrap();
    (client, other_end, noted)
}

/// A close whose queue cannot be sent, of a client whose farewell never ends, takes its deadline once.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_close_has_one_deadline_for_the_queue_and_the_handler() {
    for keeps_should_be_connected in [false, true] {
        let (client, _other_end, mut noted) = meet(false, false).await;
        let connection = client.connection();
        let writing = tokio::spawn(async move { connection.write(&[b'x'; 1000]).await });
        yield_now().await;
        let before = Instant::now();
        if keeps_should_be_connected {
            client.basic_close().await;
        } else {
            client.close().await;
        }
        assert!(before.elapsed() <= CLOSE_TIMEOUT + GRACE, "{:?}", before.elapsed());
        assert!(client.is_closed() && !client.is_reading());
        assert_eq!(noted.recv().await.as_deref(), Some("on_disconnect"));
        assert!(writing.await.unwrap().is_err());
    }
}

/// A farewell that never ends is given up after the close deadline, also if nobody closes: the loop ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_farewell_that_never_ends_is_given_up_at_the_close_deadline() {
    let (client, other_end, mut noted) = meet(false, false).await;
    let before = Instant::now();
    drop(other_end);
    assert_eq!(noted.recv().await.as_deref(), Some("on_disconnect"));
    assert!(client.is_reading() && !client.is_closed());
    client.wait_closed().await;
    assert_eq!(before.elapsed(), CLOSE_TIMEOUT);
    assert!(!client.is_reading() && client.is_closed());
}

/// After a stop the client reads by itself, and loses nothing of what had arrived; the farewell comes at the end of the
/// session, which a hang-up brings as it does without a handler, and a close waits for it.
#[test_log::test(tokio::test)]
async fn what_comes_after_the_stop_is_read_through_the_client() {
    for hangs_up in [true, false] {
        let (client, mut other_end, mut noted) = meet(true, false).await;
        other_end.write_all(b"one\r\nha").await.unwrap();
        assert_eq!(eventually(noted.recv()).await.as_deref(), Some("one"));
        let error = client.read_str().await.unwrap_err();
        assert!(matches!(error, ReadError::HandlerReads) && !error.ends_session());
        assert!(matches!((*client).read_str().await, Err(ReadError::HandlerReads)), "also of what it lends");
        eventually(client.stop_reading()).await;
        assert!(!client.is_reading() && client.is_connected() && !client.is_closed());
        other_end.write_all(b"lf\r\nthree\r\n").await.unwrap();
        assert_eq!(eventually(client.read_str()).await.unwrap(), "half");
        assert_eq!(eventually(client.read_str()).await.unwrap(), "three");
        assert!(noted.try_recv().is_err());
        if hangs_up {
            drop(other_end);
            eventually(client.wait_closed()).await;
            assert_eq!(client.connection().reason(), Some(DisconnectReason::ClosedByPeer));
        } else {
            eventually(client.close()).await;
        }
        assert_eq!(noted.try_recv().as_deref(), Ok("on_disconnect"));
        assert!(client.is_closed());
    }
}

/// A handler that panics as it is dropped, which its loop does when its client is gone, harms nobody: the loop ends,
/// and so does the session.
#[test_log::test(tokio::test)]
async fn a_handler_that_panics_as_it_is_dropped_harms_nobody() {
    let (client, _other_end, mut noted) = meet(true, true).await;
    let connection = client.connection();
    drop(client);
    assert_eq!(eventually(noted.recv()).await.as_deref(), Some("on_disconnect"));
    // The handler is gone.
    assert_eq!(eventually(noted.recv()).await, None);
    eventually(connection.wait_closed()).await;
    assert_eq!(connection.reason(), Some(DisconnectReason::Closed));
    assert!(timeout(CLOSE_TIMEOUT, connection.close()).await.is_ok());
}
