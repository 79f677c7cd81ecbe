//! Listening in on a proxy.

use tokio::time::Instant;

use crate::faults::Direction;

/// Who listens in on the sessions of a [`FaultProxy`](super::FaultProxy), on both sides of its faults: an option,
/// [`tap`](super::FaultProxyBuilder::tap).
///
/// It is called by the tasks of the sessions: it must be quick. A panic ends the session.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::proxy::{Passed, ProxyTap, What, Wire};
///
/// /// Shows what the client sees.
/// struct Show;
///
/// impl ProxyTap for Show {
///     fn passed(&self, passed: &Passed<'_>) {
///         if let (Wire::Client, What::Bytes(bytes)) = (passed.wire, passed.what) {
///             println!("{} {:?}: {}", passed.session, passed.direction, bytes.escape_ascii());
///         }
///     }
/// }
/// # let _: &dyn ProxyTap = &Show;
/// ```
pub trait ProxyTap: Send + Sync + 'static {
    /// Something has passed one of the wires. Each direction of each is told in its order.
    fn passed(&self, passed: &Passed<'_>);
}

/// What has passed one of the wires of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed<'a> {
    /// The number of the session at its proxy, from 1.
    pub session: u64,
    /// Where it passed.
    pub wire: Wire,
    /// Which way it goes.
    pub direction: Direction,
    /// When the proxy had received it, or had given it to the peer.
    pub at: Instant,
    /// What it is.
    pub what: What<'a>,
}

/// Which of the two connections of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// That with the client.
    Client,
    /// That with the server.
    Server,
}

/// What passes a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What<'a> {
    /// The connection is there.
    Open,
    /// Bytes, as they were read or taken at once.
    Bytes(&'a [u8]),
    /// The end of the stream.
    End,
    /// A reset.
    Reset,
}
