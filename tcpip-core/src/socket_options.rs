//! The options that every session's socket has.

use std::io;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::{KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME};

/// Turns keep-alive on (first probe after 60 s of silence, then every 15 s, dead after 4) and Nagle's algorithm off.
///
/// Every [`Connection`](crate::Connection) has these already.
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
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nodelay(true)
}
