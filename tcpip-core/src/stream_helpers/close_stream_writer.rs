//! Closing a stream, whatever state it is in.

use std::io;

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::DEFAULT_CLOSE_TIMEOUT;

/// Flushes any stream and shuts its write side down, within [`DEFAULT_CLOSE_TIMEOUT`].
///
/// A stream that is closed already, by either end, is not an error, so this may be called again.
///
/// # Errors
///
/// Any error but that of a closed stream; `TimedOut` if the peer takes the last bytes too slowly.
///
/// # Cancel safety
///
/// May be dropped and called again.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut stream, peer) = tokio::io::duplex(64);
/// drop(peer);
/// tcpip_core::close_stream_writer(&mut stream).await?;
/// tcpip_core::close_stream_writer(&mut stream).await?;
/// # Ok(())
/// # }
/// ```
pub async fn close_stream_writer(writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let close = async {
        writer.flush().await?;
        writer.shutdown().await
    };
    let result = timeout(DEFAULT_CLOSE_TIMEOUT, close).await.map_err(io::Error::from).flatten();
    result.or_else(|error| if is_closed(&error) { Ok(()) } else { Err(error) })
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}
