//! What a session runs over: the tests of a connection run over each of these.
//!
//! Over memory the clock is paused, except on several threads.

use std::{io::ErrorKind, time::Duration};

use socket2::SockRef;
use tcpip_client::{Client, ClientBuilder, Connected, Dial, NetworkStream};
use tcpip_testkit::{eventually, memory_streams};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
};

use crate::events::Events;

/// The options of a client.
pub(crate) type Builder<K> = ClientBuilder<<K as Kind>::Target>;

pub(crate) trait Kind: Sized + 'static {
    type Target: 'static;
    type Peer: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// More than is taken for a peer that does not read.
    const TOO_MUCH: usize;

    /// A client and its peer.
    async fn meet(customise: impl FnOnce(Builder<Self>) -> Builder<Self>) -> (Client, Self::Peer);

    /// Returns once something has arrived, which stays unread.
    async fn arrival(peer: &mut Self::Peer);

    /// Checks that the stream, behind all that has arrived, is given up.
    async fn assert_aborted(peer: Self::Peer);
}

/// A socket.
pub(crate) struct Tcp;

impl Kind for Tcp {
    type Target = Dial;
    type Peer = TcpStream;

    const TOO_MUCH: usize = 24 * 1024 * 1024;

    async fn meet(customise: impl FnOnce(ClientBuilder) -> ClientBuilder) -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connecting = customise(Client::builder("127.0.0.1", port)).connect();
        let (client, accepted) = eventually(async { tokio::join!(connecting, listener.accept()) }).await;
        (client.unwrap(), accepted.unwrap().0)
    }

    async fn arrival(peer: &mut TcpStream) {
        assert_eq!(eventually(peer.peek(&mut [0])).await.unwrap(), 1);
    }

    /// The peer can see it.
    async fn assert_aborted(mut peer: TcpStream) {
        let error = eventually(peer.read_to_end(&mut Vec::new())).await.expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

/// A transport in memory.
pub(crate) struct MemoryTransports;

impl Kind for MemoryTransports {
    type Target = Connected<NetworkStream>;
    type Peer = NetworkStream;

    const TOO_MUCH: usize = 4 * 1024 * 1024;

    async fn meet(customise: impl FnOnce(Builder<Self>) -> Builder<Self>) -> (Client, Self::Peer) {
        let (near, far) = memory_streams(1024 * 1024);
        (customise(Client::from_stream(near)).connect().await.unwrap(), far)
    }

    async fn arrival(peer: &mut Self::Peer) {
        let transport = peer.transport().unwrap();
        eventually(|| transport.unread() > 0).await;
    }

    /// The peer can see it.
    async fn assert_aborted(mut peer: Self::Peer) {
        let error = eventually(peer.read_to_end(&mut Vec::new())).await.expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

/// A stream in memory.
pub(crate) struct Memory;

impl Kind for Memory {
    type Target = Connected<DuplexStream>;
    type Peer = BufReader<DuplexStream>;

    const TOO_MUCH: usize = 256 * 1024;

    async fn meet(customise: impl FnOnce(Builder<Self>) -> Builder<Self>) -> (Client, Self::Peer) {
        let (near, far) = duplex(64 * 1024);
        (customise(Client::from_stream(near)).connect().await.unwrap(), BufReader::new(far))
    }

    async fn arrival(peer: &mut Self::Peer) {
        assert!(!eventually(peer.fill_buf()).await.unwrap().is_empty());
    }

    /// The stream is dropped, with what had not been sent.
    async fn assert_aborted(mut peer: Self::Peer) {
        let received = eventually(peer.read_to_end(&mut Vec::new())).await.expect("an end");
        assert!(received < Self::TOO_MUCH);
    }
}

/// A client and its peer.
pub(crate) async fn meet<K: Kind>(customise: impl FnOnce(Builder<K>) -> Builder<K>) -> (Client, K::Peer) {
    K::meet(customise).await
}

/// A client with default options, and its peer.
pub(crate) async fn pair<K: Kind>() -> (Client, K::Peer) {
    K::meet(|client| client).await
}

/// A client whose events are told, and its peer.
pub(crate) async fn meet_told<K: Kind>(customise: impl FnOnce(Builder<K>) -> Builder<K>) -> (Client, K::Peer, Events) {
    let (callback, mut events) = Events::new();
    let (client, peer) = K::meet(|client| callback(customise(client))).await;
    events.connected().await;
    (client, peer, events)
}

/// A client that has been told that its peer hung up, which it has: with what `peer` does to the stream.
pub(crate) async fn ended_by<K: Kind>(peer: impl AsyncFnOnce(K::Peer)) -> Client {
    let (client, stream, mut events) = meet_told::<K>(|client| client).await;
    peer(stream).await;
    events.disconnected().await;
    client
}

/// Ends the stream with a reset.
pub(crate) async fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Sends `data`, and hangs up in good order.
pub(crate) async fn send_and_close(mut stream: impl AsyncWrite + Unpin, data: &[u8]) {
    stream.write_all(data).await.unwrap();
    drop(stream);
}
