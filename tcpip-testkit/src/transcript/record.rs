//! Recording the sessions of clients and servers.

use std::sync::Arc;

use tcpip_client::{ChunkEnd, ChunkTap, ClientBuilder, Connection, Direction};
use tcpip_server::OneClientServerBuilder;
use tokio::time::Instant;

use super::{
    Transcript,
    log::{Entry, Passed, SessionFacts, SessionId},
};
use crate::{TestServerBuilder, side::Side};

/// The builders of clients and servers, with and without a read loop, whose sessions can be recorded. A link records
/// each of its sessions if its client's builder is told so before `link()`. That of a proxy records what its clients
/// have sent, and what has come to them behind its faults; a proxy that is there already has a
/// [`transcript`](crate::FaultProxy::transcript) as well.
pub trait Record: Sized {
    /// Records each session into `transcript`. It takes the place of an earlier
    /// [`tap_chunks`](tcpip_client::ConnectionOptions::tap_chunks), but a proxy has its
    /// [`tap`](crate::proxy::FaultProxyBuilder::tap) as well.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::Client;
    /// use tcpip_server::OneClientServer;
    /// use tcpip_testkit::{Record, Transcript};
    ///
    /// let transcript = Transcript::new();
    /// let server = OneClientServer::builder().port(0).record(&transcript).start().await?;
    /// let client = Client::builder(server.host(), server.port()).connect().await?;
    /// server.wait_connected().await.expect("it is not closed").write_str("ready").await?;
    /// assert_eq!(client.read_str().await?, "ready");
    /// assert_eq!(transcript.sent(), b"ready\r\n");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    fn record(self, transcript: &Transcript) -> Self;
}

impl<T> Record for ClientBuilder<T> {
    fn record(self, transcript: &Transcript) -> Self {
        self.tap_chunks(Arc::new(Recorder { transcript: transcript.clone(), end: Side::Client }))
    }
}

impl<H> Record for OneClientServerBuilder<H> {
    fn record(self, transcript: &Transcript) -> Self {
        self.tap_chunks(Arc::new(Recorder { transcript: transcript.clone(), end: Side::Server }))
    }
}

impl Record for TestServerBuilder {
    fn record(self, transcript: &Transcript) -> Self {
        self.options(|server| server.record(transcript))
    }
}

/// Listens in at one end.
struct Recorder {
    transcript: Transcript,
    end: Side,
}

impl Recorder {
    fn note(&self, connection: &Connection, by: Side, at: Instant, passed: Passed) {
        let id = SessionId::Recorded(connection.number());
        self.transcript.log().push(id, Entry { by, at, passed }, || self.facts(connection));
    }

    fn facts(&self, connection: &Connection) -> SessionFacts {
        let (client, server) = self.end.client_first(connection.local_addr(), connection.peer_addr());
        SessionFacts { end: self.end, client, server, began: connection.stats().began }
    }

    fn side(&self, direction: Direction) -> Side {
        match direction {
            Direction::Sent => self.end,
            Direction::Received => self.end.other(),
        }
    }
}

impl ChunkTap for Recorder {
    fn chunk(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
        self.note(connection, self.side(direction), at, Passed::Bytes(bytes.to_vec()));
    }

    fn began(&self, connection: &Connection) {
        self.note(connection, Side::Client, connection.stats().began, Passed::Open);
    }

    fn ended(&self, connection: &Connection, direction: Direction, at: Instant, end: ChunkEnd) {
        let passed = match end {
            ChunkEnd::Close => Passed::Close,
            ChunkEnd::Reset => Passed::Reset,
            _ => Passed::Fin,
        };
        self.note(connection, self.side(direction), at, passed);
    }
}
