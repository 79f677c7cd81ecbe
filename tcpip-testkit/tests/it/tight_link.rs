//! A connection and a raw peer with socket buffers so small that a message hardly fits.

use std::{io, net::SocketAddr, time::Duration};

use tcpip_core::{
    Connection,
    endpoint::{ConnectCallbacks, SessionOptions},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// What is asked of the system for each buffer, which doubles it.
const BUFFER: u32 = 4096;

/// At least what the two buffers take before a writer must wait, and a little more.
pub(crate) const BUFFERED: usize = 32 * 1024;

/// Two sockets: this end sends into a tiny buffer, the peer receives into one.
pub(crate) async fn tight_sockets() -> io::Result<(TcpStream, TcpStream)> {
    let listening = TcpSocket::new_v4()?;
    listening.set_recv_buffer_size(BUFFER)?;
    listening.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener: TcpListener = listening.listen(1)?;
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(BUFFER)?;
    let (near, far) = tokio::join!(socket.connect(listener.local_addr()?), listener.accept());
    Ok((near?, far?.0))
}

/// A session that sends into a tiny buffer, and its peer. Nobody owns it: close it.
pub(crate) async fn tight_link(options: impl FnOnce(&mut SessionOptions)) -> io::Result<(Connection, TcpStream)> {
    let (near, far) = tight_sockets().await?;
    Ok((start(near, options)?, far))
}

/// A session over `stream`. Nobody owns it: close it.
pub(crate) fn start<S>(stream: S, options: impl FnOnce(&mut SessionOptions)) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut session = SessionOptions::new("test");
    session.close_timeout = Duration::from_secs(20);
    options(&mut session);
    let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
    Connection::start_over(stream, session, "test", events)
}
