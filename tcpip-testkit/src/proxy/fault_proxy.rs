//! The proxy.

use std::{net::SocketAddr, sync::Arc};

use tcpip_core::LOCALHOST_IPV4;
use tokio::sync::watch;

use super::{AcceptGuard, FaultGuard, FaultProxyBuilder, Then, Toward, fault_guard::Faults, gate::Gate};
use crate::{
    Transcript,
    faults::{Direction, Fault},
    transcript::proxied::Recording,
};

/// A proxy between any client and any server, over TCP or another network, whose link misbehaves on demand: see
/// [`faults`](crate::faults).
///
/// Without a fault it passes on what comes: bytes as they come, the end of the stream as the end of that direction
/// alone, a reset as a reset, at once. Each session has a task of its own, and each direction of it holds up to
/// [`DEFAULT_WINDOW`](super::DEFAULT_WINDOW) before its sender is held up; neither direction holds up the other.
///
/// The server is dialled once a client has been accepted. So the client is connected a little earlier than the server,
/// and is reset if that cannot be reached.
///
/// Dropping it ends all sessions, and listening.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use tcpip_client::Client;
/// use tcpip_testkit::{FaultProxy, TestOneClientReadLoopServer, faults::{self, Fault}};
///
/// # /*
/// #[tokio::test]
/// async fn a_late_reply_is_a_timeout() {
/// # */
///     let server = TestOneClientReadLoopServer::builder().start().await?;
///     let proxy = FaultProxy::to(server.host(), server.port()).start().await?;
///     let timeout = Duration::from_millis(20);
///     let client = Client::builder(proxy.host(), proxy.port()).read_timeout(timeout).connect().await?;
///     server.wait_connected().await;
///     {
///         let _late = proxy.to_client().add(faults::latency(Duration::from_secs(3)).times(1));
///         server.write_str("ready").await?;
///         assert!(client.read_str().await.is_err());
///     }
///     assert_eq!(client.read_str().await?, "ready"); // the guard is dropped: what was late comes now
/// # /*
/// }
/// # */
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    host: String,
    gate: Arc<Gate>,
    faults: Faults,
    recording: Recording,
    closing: watch::Sender<bool>,
}

impl FaultProxy {
    /// A proxy to the server at this host and port, which is dialled for each client. No host, as of a server that
    /// listens on all interfaces, is 127.0.0.1.
    pub fn to(host: &str, port: u16) -> FaultProxyBuilder {
        FaultProxyBuilder::new(if host.is_empty() { LOCALHOST_IPV4 } else { host }, port)
    }

    pub(super) fn new(
        host: String,
        gate: Arc<Gate>,
        faults: Faults,
        recording: Recording,
        closing: watch::Sender<bool>,
    ) -> Self {
        Self { host, gate, faults, recording, closing }
    }

    /// Returns the host that clients connect to.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port that clients connect to. It stays the same, also while the proxy refuses.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.local_addr().port()
    }

    /// Returns the address that clients connect to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.gate.address()
    }

    /// Installs a fault behind those that are there, in both directions of all sessions that are there and of those to
    /// come, until the guard is dropped. What is under way already is not touched by it.
    pub fn add(&self, fault: impl Fault) -> FaultGuard {
        self.faults.add(None, fault)
    }

    /// The way from the server to the client, for faults in this direction alone.
    #[must_use]
    pub fn to_client(&self) -> Toward<'_> {
        Toward { faults: &self.faults, direction: Direction::ToClient }
    }

    /// The way from the client to the server, for faults in this direction alone.
    #[must_use]
    pub fn to_server(&self) -> Toward<'_> {
        Toward { faults: &self.faults, direction: Direction::ToServer }
    }

    /// Refuses new clients, as if nobody listened, until the guard is dropped: then the proxy is up again, on the same
    /// port. Sessions that are there go on, and clients that have connected are served, also if the proxy has not come
    /// to them yet: over sockets, all of whom the runtime has heard.
    pub fn refuse(&self) -> AcceptGuard {
        self.gate.refuse()
    }

    /// Accepts new clients, and does this with them, until the guard is dropped. Sessions that are there go on, and
    /// clients that have connected before are served.
    pub fn accept_and(&self, then: Then) -> AcceptGuard {
        self.gate.accept_and(then)
    }

    /// Returns the transcript of what passes: what the clients send, and what comes to them behind the faults.
    ///
    /// It is the one that the proxy was told to [`record`](crate::Record::record) into, with all that has passed.
    /// Without that, recording costs nothing until this is called first: from then on, all that passes is recorded,
    /// also of sessions that are under way. What had passed before is missing, and a comment in the script says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::Client;
    /// use tcpip_testkit::{FaultProxy, TestOneClientReadLoopServer};
    ///
    /// let server = TestOneClientReadLoopServer::builder().start().await?;
    /// let proxy = FaultProxy::to(server.host(), server.port()).start().await?;
    /// let transcript = proxy.transcript(); // before the first client, so that nothing is missing
    /// let client = Client::builder(proxy.host(), proxy.port()).connect().await?;
    /// client.write_str("status").await?;
    /// server.get_next_data().await?;
    /// assert_eq!(transcript.sent(), b"status\r\n");
    /// println!("{}", proxy.transcript());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "what passes is recorded from now on"]
    pub fn transcript(&self) -> Transcript {
        self.recording.transcript()
    }

    /// Resets all sessions that are there, on both sides, and all clients that have connected and are not served yet.
    pub fn reset_now(&self) {
        self.gate.reset_arrived();
        self.faults.reset_sessions();
    }

    /// Ends all sessions, listens no more, and waits until that is done.
    ///
    /// # Cancel safety
    ///
    /// It goes on without being waited for.
    pub async fn close(&self) {
        self.gate.close();
        self.closing.send_replace(true);
        self.closing.closed().await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.gate.close();
        self.closing.send_replace(true);
    }
}
