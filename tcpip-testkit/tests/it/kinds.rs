//! What a session runs over: the tests of a connection run over each of these.
//!
//! Over memory the clock is paused, except on several threads.

use std::net::SocketAddr;

use tcpip_client::NetworkStream;
use tcpip_testkit::memory_streams;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// What is asked of the system for each tiny buffer, which doubles it.
const TINY: u32 = 4096;

/// At least what two tiny buffers take before a writer must wait, and a little more.
pub(crate) const BUFFERED: usize = 32 * 1024;

pub(crate) trait Kind: Sized + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Both ends of a stream.
    async fn streams() -> (Self::Stream, Self::Stream);

    /// Both ends of a stream with buffers so small that a message hardly fits: the first sends into a tiny one, the
    /// second receives into one. They take less than [`BUFFERED`].
    async fn tight_streams() -> (Self::Stream, Self::Stream);
}

/// A socket.
pub(crate) struct Tcp;

impl Kind for Tcp {
    type Stream = TcpStream;

    async fn streams() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let dialling = TcpStream::connect(listener.local_addr().expect("it is bound"));
        let (near, far) = tokio::join!(dialling, listener.accept());
        let (near, far) = (near.expect("it listens"), far.expect("it calls").0);
        // Small pieces would wait for the acknowledgement of the one before.
        for end in [&near, &far] {
            end.set_nodelay(true).expect("an option of every socket");
        }
        (near, far)
    }

    async fn tight_streams() -> (TcpStream, TcpStream) {
        let listening = TcpSocket::new_v4().expect("a socket");
        listening.set_recv_buffer_size(TINY).expect("an option of every socket");
        listening.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback");
        let listener = listening.listen(1).expect("it is bound");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(TINY).expect("an option of every socket");
        let dialling = socket.connect(listener.local_addr().expect("it is bound"));
        let (near, far) = tokio::join!(dialling, listener.accept());
        (near.expect("it listens"), far.expect("it calls").0)
    }
}

/// A transport in memory.
pub(crate) struct MemoryTransports;

impl Kind for MemoryTransports {
    type Stream = NetworkStream;

    async fn streams() -> (NetworkStream, NetworkStream) {
        memory_streams(64 * 1024)
    }

    async fn tight_streams() -> (NetworkStream, NetworkStream) {
        memory_streams(8 * 1024)
    }
}

/// A stream in memory.
pub(crate) struct Memory;

impl Kind for Memory {
    type Stream = DuplexStream;

    async fn streams() -> (DuplexStream, DuplexStream) {
        duplex(64 * 1024)
    }

    async fn tight_streams() -> (DuplexStream, DuplexStream) {
        duplex(8 * 1024)
    }
}
