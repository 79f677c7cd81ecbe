//! The options of the connection in the builder of a client.

use std::{sync::Arc, time::Duration};

use tcpip_core::{
    ChunkTap, ConnectionOptions, Encoding, Filter, FrameTap, HalfClose, JsonMode, Keepalive, Terminator, WireLog,
};

use crate::ClientBuilder;

impl<T> ClientBuilder<T> {
    /// The options of the connection, all of them: what was said of them before is forgotten, what is said afterwards
    /// counts. Default: [`ConnectionOptions::new`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (listener, other) = (
    /// #     tokio::net::TcpListener::bind("127.0.0.1:0").await?,
    /// #     tokio::net::TcpListener::bind("127.0.0.1:0").await?,
    /// # );
    /// # let (port, other_port) = (listener.local_addr()?.port(), other.local_addr()?.port());
    /// use std::time::Duration;
    /// use tcpip_client::{Client, ConnectionOptions};
    ///
    /// let options = ConnectionOptions::new().terminator(b"\r").read_timeout(Duration::from_secs(2));
    /// let pump = Client::builder("127.0.0.1", port).name("pump").options(options.clone()).connect().await?;
    /// let gauge = Client::builder("127.0.0.1", other_port).name("gauge").options(options).connect().await?;
    /// assert_eq!(pump.terminator(), gauge.terminator());
    /// # Ok(())
    /// # }
    /// ```
    pub fn options(self, options: ConnectionOptions) -> Self {
        self.with(|_| options)
    }

    /// As [`ConnectionOptions::encoding`].
    pub fn encoding(self, encoding: Encoding) -> Self {
        self.with(|options| options.encoding(encoding))
    }

    /// As [`ConnectionOptions::terminator`].
    pub fn terminator(self, terminator: impl Into<Terminator>) -> Self {
        self.with(|options| options.terminator(terminator))
    }

    /// As [`ConnectionOptions::write_terminator`].
    pub fn write_terminator(self, terminator: impl Into<Terminator>) -> Self {
        self.with(|options| options.write_terminator(terminator))
    }

    /// As [`ConnectionOptions::json`].
    pub fn json(self, mode: JsonMode) -> Self {
        self.with(|options| options.json(mode))
    }

    /// As [`ConnectionOptions::limit`].
    pub fn limit(self, limit: usize) -> Self {
        self.with(|options| options.limit(limit))
    }

    /// As [`ConnectionOptions::write_limit`].
    pub fn write_limit(self, limit: usize) -> Self {
        self.with(|options| options.write_limit(limit))
    }

    /// As [`ConnectionOptions::read_timeout`].
    pub fn read_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.read_timeout(timeout))
    }

    /// As [`ConnectionOptions::write_timeout`].
    pub fn write_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.write_timeout(timeout))
    }

    /// As [`ConnectionOptions::close_timeout`].
    pub fn close_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.close_timeout(timeout))
    }

    /// As [`ConnectionOptions::drain_timeout`].
    pub fn drain_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.drain_timeout(timeout))
    }

    /// As [`ConnectionOptions::monitor_connection_interval`].
    pub fn monitor_connection_interval(self, interval: Duration) -> Self {
        self.with(|options| options.monitor_connection_interval(interval))
    }

    /// As [`ConnectionOptions::idle_timeout`].
    pub fn idle_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.idle_timeout(timeout))
    }

    /// As [`ConnectionOptions::tcp_user_timeout`].
    pub fn tcp_user_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.tcp_user_timeout(timeout))
    }

    /// As [`ConnectionOptions::keepalive`].
    #[doc(alias = "SO_KEEPALIVE")]
    pub fn keepalive(self, keepalive: impl Into<Option<Keepalive>>) -> Self {
        self.with(|options| options.keepalive(keepalive))
    }

    /// As [`ConnectionOptions::nodelay`].
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay(self, nodelay: bool) -> Self {
        self.with(|options| options.nodelay(nodelay))
    }

    /// As [`ConnectionOptions::half_close`].
    pub fn half_close(self, half_close: HalfClose) -> Self {
        self.with(|options| options.half_close(half_close))
    }

    /// As [`ConnectionOptions::filter`].
    pub fn filter<F: Filter>(self, begin: impl Fn() -> F + Send + Sync + 'static) -> Self {
        self.with(|options| options.filter(begin))
    }

    /// As [`ConnectionOptions::tap_chunks`].
    pub fn tap_chunks(self, tap: Arc<dyn ChunkTap>) -> Self {
        self.with(|options| options.tap_chunks(tap))
    }

    /// As [`ConnectionOptions::tap_frames`].
    pub fn tap_frames(self, tap: Arc<dyn FrameTap>) -> Self {
        self.with(|options| options.tap_frames(tap))
    }

    /// As [`ConnectionOptions::wire_log`].
    pub fn wire_log(self, log: &WireLog) -> Self {
        self.with(|options| options.wire_log(log))
    }

    #[doc(hidden)]
    pub fn poll_for_hang_up(self) -> Self {
        self.with(ConnectionOptions::poll_for_hang_up)
    }

    fn with(mut self, change: impl FnOnce(ConnectionOptions) -> ConnectionOptions) -> Self {
        self.session = self.session.with(change);
        self
    }
}
