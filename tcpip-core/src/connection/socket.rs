//! The socket beneath a session.

use socket2::SockRef;

use super::Connection;

impl Connection {
    /// Lends the socket beneath to `look`, for the options that this library has no setter for; a
    /// [`SockRef`](crate::SockRef) is also `AsFd`. `None` over a stream that is no TCP socket and [passes on the
    /// bytes of none](crate::Transport::socket), and once the socket is gone with its session.
    ///
    /// The session goes on using it meanwhile. What reads from it, writes to it, shuts it down or makes it blocking
    /// breaks the session.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_core::Connection;
    ///
    /// /// Marks what is sent as urgent for the network (expedited forwarding).
    /// fn expedite(connection: &Connection) -> std::io::Result<()> {
    ///     connection.with_socket(|socket| socket.set_tos_v4(0xb8)).unwrap_or(Ok(()))
    /// }
    /// # expedite(&Connection::closed())?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "get_extra_info")]
    #[doc(alias = "as_fd")]
    pub fn with_socket<T>(&self, look: impl FnOnce(SockRef<'_>) -> T) -> Option<T> {
        let transport = self.shared.transport.upgrade()?;
        Some(look(SockRef::from(transport.socket()?)))
    }
}
