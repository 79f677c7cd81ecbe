//! The other end: a bare socket, which does what the test says and nothing else.

use std::{error::Error, net::SocketAddr, time::Duration};

use socket2::SockRef;
use tcpip_client::{Client, ClientBuilder, ConnectionEvent, DisconnectReason};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::kinds::{Builder, Kind};

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

/// Both ways to learn of a hang-up: by the system's event, and by looking now and then.
pub(crate) fn detections<K: Kind>() -> [fn(Builder<K>) -> Builder<K>; 2] {
    [|client| client, |client| client.poll_for_hang_up().monitor_connection_interval(Duration::from_millis(5))]
}

/// What the connect callback is told.
pub(crate) struct Events(mpsc::UnboundedReceiver<ConnectionEvent>);

impl Events {
    /// A setter of the callback, and what it will be told.
    pub(crate) fn new<T>() -> (impl FnOnce(ClientBuilder<T>) -> ClientBuilder<T>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let callback = move |client: ClientBuilder<T>| {
            client.connect_callback(move |event| {
                let sender = sender.clone();
                async move { sender.send(event).unwrap_or_default() }
            })
        };
        (callback, Self(receiver))
    }

    pub(crate) async fn next(&mut self) -> Option<ConnectionEvent> {
        eventually(self.0.recv()).await
    }

    pub(crate) async fn connected(&mut self) {
        assert!(self.next().await.expect("an event").is_connected());
    }

    /// The reason of the last event: there is exactly one, and the callback is let go of after it.
    pub(crate) async fn disconnected(&mut self) -> DisconnectReason {
        let event = self.next().await.expect("an event");
        assert!(!event.is_connected() && !event.connection().is_connected());
        assert!(self.next().await.is_none(), "an event after the last");
        event.reason().expect("a reason")
    }

    /// Whether nothing has been told that was not asked for.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.is_empty() && !self.0.is_closed()
    }
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

/// The next `count` bytes.
pub(crate) async fn receive(stream: &mut (impl AsyncRead + Unpin), count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    eventually(stream.read_exact(&mut bytes)).await.unwrap();
    bytes
}

/// Everything up to the end of the stream, which must come in good order.
pub(crate) async fn receive_all(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    eventually(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Addresses of a listener that answers no call: its backlog is full. It lasts as long as the second value.
pub(crate) fn black_hole(address: SocketAddr) -> (SocketAddr, impl Sized) {
    let domain = socket2::Domain::for_address(address);
    let listener = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let in_the_backlog = std::net::TcpStream::connect(address).unwrap();
    (address, (listener, in_the_backlog))
}

/// Checks that an error reads well: lowercase, one clause, short, and without its cause, which is in `source()`.
pub(crate) fn assert_reads_well(error: &dyn Error) {
    let text = error.to_string();
    assert!(!text.starts_with(char::is_uppercase), "{text}");
    assert!(!text.ends_with('.') && !text.contains(['\n', ';']), "{text}");
    assert!(text.chars().count() < 400, "{text}");
    if let Some(source) = error.source() {
        assert!(!text.contains(&source.to_string()), "{text} repeats {source}");
    }
}
