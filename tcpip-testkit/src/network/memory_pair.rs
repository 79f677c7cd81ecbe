//! Both ends of a connection, without a host or a port.

use std::net::SocketAddr;

use tcpip_client::{Client, ClientBuilder, ConnectError, Connected, NetworkStream};

use super::{DEFAULT_MEMORY_WINDOW, link::Link, stream::MemoryStream};

/// Returns both ends of a connection in memory, each of which takes `window` bytes before it is read, as
/// [`tokio::io::duplex`] does; they do what sockets do, as those of a [`MemoryNetwork`](super::MemoryNetwork).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::ErrorKind;
/// use tcpip_client::Client;
/// use tcpip_testkit::memory_streams;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (near, mut device) = memory_streams(1024);
/// let client = Client::from_stream(near).connect().await?;
/// device.write_all(b"ready\r\n").await?;
/// assert_eq!(client.read_str().await?, "ready");
/// client.abort();
/// assert_eq!(device.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn memory_streams(window: usize) -> (NetworkStream, NetworkStream) {
    let addresses = [1, 2].map(|last| SocketAddr::from(([10, 0, 0, last], 1)));
    let link = Link { window: window.max(1), ..Link::default() };
    let (near, far) = MemoryStream::connect(addresses, None, link);
    (NetworkStream::over(near), NetworkStream::over(far))
}

/// Two clients that are connected to each other in memory, both with the options that `options` adds: one to test, and
/// one to play the device by a script.
///
/// There is no socket, so a paused clock passes no time while the two are at work, and all of it while both wait.
///
/// # Errors
///
/// [`ConnectError::Option`] if an option was given a value that it cannot have.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use tcpip_client::ReadError;
/// use tcpip_testkit::memory_pair;
///
/// # /*
/// #[tokio::test(start_paused = true)]
/// async fn a_reply_is_awaited_for_an_hour() {
/// # */
///     let hour = Duration::from_secs(3600);
///     let (client, device) = memory_pair(|end| end.terminator(b"\n").read_timeout(hour)).await.unwrap();
///     client.write_str("status").await.unwrap();
///     assert_eq!(device.read_str().await.unwrap(), "status");
///     assert!(matches!(client.read_str().await, Err(ReadError::Timeout { .. })));   // at once: the clock jumps
/// # /*
/// }
/// # */
/// # }
/// ```
pub async fn memory_pair(
    options: impl Fn(ClientBuilder<Connected<NetworkStream>>) -> ClientBuilder<Connected<NetworkStream>>,
) -> Result<(Client, Client), ConnectError> {
    let (near, far) = memory_streams(DEFAULT_MEMORY_WINDOW);
    let near = options(Client::from_stream(near)).connect().await?;
    let far = options(Client::from_stream(far)).connect().await?;
    Ok((near, far))
}
