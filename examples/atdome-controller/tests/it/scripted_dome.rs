//! A peer that sends what a test tells it to, and nothing else.

use std::{net::SocketAddr, time::Duration};

use atdome_controller::{Dome, DomeBuilder};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
};

pub(crate) const GREETING: &str = "ACE Main Box\n>";

/// A listener of which a test accepts each connection itself.
pub(crate) struct ScriptedDome {
    listener: TcpListener,
}

/// One connection of a [`ScriptedDome`].
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
}

impl ScriptedDome {
    pub(crate) async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(crate) fn builder(&self) -> DomeBuilder {
        Dome::builder("127.0.0.1", self.port())
    }

    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        Peer { stream: BufReader::new(stream) }
    }

    /// A controller that has been greeted, and its peer.
    pub(crate) async fn connected(&self, reply_timeout: Duration) -> (Dome, Peer) {
        let peer = async {
            let mut peer = self.accept().await;
            peer.send(GREETING).await;
            peer
        };
        let (dome, peer) = tokio::join!(self.builder().reply_timeout(reply_timeout).connect(), peer);
        (dome.unwrap(), peer)
    }
}

impl Peer {
    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next line, its end included; empty at the end of the stream.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        line
    }

    /// Waits until the controller has hung up; what it sent before that.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).await.unwrap();
        rest
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        self.stream.get_ref().set_zero_linger().unwrap();
    }
}

/// A port on which nothing listens, and which nobody else gets as long as the socket lives.
pub(crate) fn refusing_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}
