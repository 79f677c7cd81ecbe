//! The options of a session's socket.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::{KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME};

/// The most seconds, and probes, of keep-alive that Linux takes.
const MOST_SECONDS: u64 = 32767;
const MOST_PROBES: u32 = 127;

/// The shortest and the longest user timeout that Linux takes.
#[cfg(target_os = "linux")]
const USER_TIMEOUTS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(i32::MAX as u64)];

/// How the system asks a silent peer whether it is still there (TCP keep-alive).
///
/// The `keepalive` option of clients and servers takes it. Times are in whole seconds, what is between them rounded up,
/// and all values are those that Linux takes: what is outside counts as the nearest.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tcpip_core::Keepalive;
///
/// // A link is dead after 10 s + 3 × 5 s of silence.
/// let keepalive =
///     Keepalive::default().time(Duration::from_secs(10)).interval(Duration::from_secs(5)).probes(3);
/// assert_ne!(keepalive, Keepalive::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Keepalive {
    time: Duration,
    interval: Duration,
    probes: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { time: KEEPALIVE_TIME, interval: KEEPALIVE_INTERVAL, probes: KEEPALIVE_PROBES }
    }
}

impl Keepalive {
    /// How long the peer is silent before it is asked first: 1 s to 32767 s. Default: [`KEEPALIVE_TIME`].
    pub fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The time between one question and the next: 1 s to 32767 s. Default: [`KEEPALIVE_INTERVAL`].
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// After how many questions without an answer the link is dead: 1 to 127. Default: [`KEEPALIVE_PROBES`].
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    fn for_system(self) -> TcpKeepalive {
        TcpKeepalive::new()
            .with_time(whole_seconds(self.time))
            .with_interval(whole_seconds(self.interval))
            .with_retries(self.probes.clamp(1, MOST_PROBES))
    }
}

fn whole_seconds(time: Duration) -> Duration {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    Duration::from_secs(seconds.clamp(1, MOST_SECONDS))
}

/// What is set on the socket of a session when it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketOptions {
    pub(crate) keepalive: Setting<Option<Keepalive>>,
    pub(crate) nodelay: Setting<bool>,
    pub(crate) user_timeout: Option<Duration>,
}

/// What is said of an option of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    /// Nothing: what becomes of it depends on who has made the socket.
    #[default]
    Unset,
    /// It is set to this.
    To(T),
}

impl<T> Setting<T> {
    /// What the option is set to, if it is: a socket that was made here has the library's default.
    fn or_default(self, default: T, origin: SocketOrigin) -> Option<T> {
        match (self, origin) {
            (Self::To(value), _) => Some(value),
            (Self::Unset, SocketOrigin::Here) => Some(default),
            (Self::Unset, SocketOrigin::Given) => None,
        }
    }
}

/// Who has made the socket of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketOrigin {
    /// This library, by dialling or accepting.
    #[default]
    Here,
    /// A user, who hands it in connected: it keeps what it has.
    Given,
}

impl SocketOptions {
    /// Sets them.
    pub(crate) fn apply(&self, stream: &TcpStream, origin: SocketOrigin) -> io::Result<()> {
        let socket = SockRef::from(stream);
        match self.keepalive.or_default(Some(Keepalive::default()), origin) {
            None => {}
            Some(None) => socket.set_keepalive(false)?,
            Some(Some(keepalive)) => socket.set_tcp_keepalive(&keepalive.for_system())?,
        }
        if let Some(nodelay) = self.nodelay.or_default(true, origin) {
            stream.set_nodelay(nodelay)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(timeout) = self.user_timeout {
            let [shortest, longest] = USER_TIMEOUTS;
            socket.set_tcp_user_timeout(Some(timeout.clamp(shortest, longest)))?;
        }
        Ok(())
    }
}

/// Turns keep-alive on (first probe after 60 s of silence, then every 15 s, dead after 4) and Nagle's algorithm off.
///
/// Every [`Connection`](crate::Connection) has these unless its client or server has other options, or was given a
/// socket that is connected already.
///
/// # Errors
///
/// What the system says.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let stream = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
/// tcpip_core::set_socket_options(&stream)?;
/// assert!(stream.nodelay()?);
/// # Ok(())
/// # }
/// ```
pub fn set_socket_options(stream: &TcpStream) -> io::Result<()> {
    SocketOptions::default().apply(stream, SocketOrigin::Here)
}
