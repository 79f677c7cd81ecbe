//! The options that both ends have in common, as a value.

use std::{sync::Arc, time::Duration};

use socket2::SockRef;
use tcpip_client::{
    ChunkTap, Client, ClientBuilder, Connection, ConnectionOptions, Direction, Encoding, Filter, FrameTap, HalfClose,
    JsonMode, Keepalive, WireLog,
};
use tcpip_server::{OneClientServer, OneClientServerBuilder};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// A filter that lets everything pass, and somebody who listens in and says nothing.
struct Silent;

impl Filter for Silent {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _answer: &mut Vec<u8>) {
        input.extend_from_slice(chunk);
    }
}

impl ChunkTap for Silent {
    fn chunk(&self, _: &Connection, _: Direction, _: Instant, _: &[u8]) {}
}

impl FrameTap for Silent {
    fn frame(&self, _: &Connection, _: Direction, _: Instant, _: &[u8]) {}

    fn unread(&self, _: &Connection, _: Instant, _: &[u8]) {}
}

const TIME: Duration = Duration::from_millis(1234);

/// One option, set on the value, on a client's builder and on a server's.
type Setters = (
    &'static str,
    fn(ConnectionOptions) -> ConnectionOptions,
    fn(ClientBuilder) -> ClientBuilder,
    fn(OneClientServerBuilder) -> OneClientServerBuilder,
);

/// A setter of this name, with this value.
macro_rules! setters {
    ($($name:ident($value:expr)),+ $(,)?) => {
        [$((
            stringify!($name),
            |options: ConnectionOptions| options.$name($value),
            |client: ClientBuilder| client.$name($value),
            |server: OneClientServerBuilder| server.$name($value),
        )),+]
    };
}

const SETTERS: [Setters; 20] = setters![
    encoding(Encoding::Latin1),
    terminator(b"\n"),
    write_terminator(b"\r"),
    json(JsonMode::Strict),
    limit(1234),
    write_limit(1234),
    read_timeout(TIME),
    write_timeout(TIME),
    close_timeout(TIME),
    drain_timeout(TIME),
    monitor_connection_interval(TIME),
    idle_timeout(TIME),
    tcp_user_timeout(TIME),
    keepalive(None),
    nodelay(false),
    half_close(HalfClose::Allowed),
    filter(|| Silent),
    tap_chunks(Arc::new(Silent)),
    tap_frames(Arc::new(Silent)),
    wire_log(&WireLog::ring(3)),
];

/// What each setter of a builder says is what the value says, and no other setter says it.
#[test]
fn a_builder_sets_each_option_as_the_value_does() {
    let client = || Client::builder("dome", 1);
    let server = OneClientServer::builder;
    let mut seen = vec![ConnectionOptions::new()];
    for (name, of_value, of_client, of_server) in SETTERS {
        let options = of_value(ConnectionOptions::default());
        assert!(!seen.contains(&options), "{name}");
        assert_eq!(
            format!("{:?}", of_client(client())),
            format!("{:?}", client().options(options.clone())),
            "{name} of a client"
        );
        assert_eq!(
            format!("{:?}", of_server(server())),
            format!("{:?}", server().options(options.clone())),
            "{name} of a server"
        );
        seen.push(options);
    }
}

/// A value takes the place of all that was said before, and what is said after it counts.
#[test]
fn a_value_replaces_what_was_set_before_and_not_what_is_set_after() {
    let options = ConnectionOptions::new().terminator(b"\n").limit(1234);
    let given = Client::builder("dome", 1).write_limit(1).limit(1).options(options.clone()).terminator(b"\r");
    let expected = Client::builder("dome", 1).options(options.terminator(b"\r"));
    assert_eq!(format!("{given:?}"), format!("{expected:?}"));
    assert!(format!("{given:?}").contains("limit: 1234"), "{given:?}");
}

/// A socket that is handed in keeps what it has also under options that say nothing of it, and has what they do say.
#[test_log::test(tokio::test)]
async fn a_socket_that_is_given_keeps_what_the_options_do_not_speak_of() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (options, nodelay, keepalive) in [
        (ConnectionOptions::new().terminator(b"\n"), false, false),
        (ConnectionOptions::new().nodelay(true), true, false),
        (ConnectionOptions::new().keepalive(Keepalive::default()), false, true),
    ] {
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!stream.nodelay().unwrap() && !SockRef::from(&stream).keepalive().unwrap(), "not by itself");
        let client = Client::from_stream(stream).options(options).connect().await.unwrap();
        let is_set =
            client.connection().with_socket(|socket| (socket.tcp_nodelay().unwrap(), socket.keepalive().unwrap()));
        assert_eq!(is_set, Some((nodelay, keepalive)));
    }
}

/// One value serves both ends of a connection, and any number of them.
#[test_log::test(tokio::test)]
async fn one_value_serves_both_ends() {
    let options = ConnectionOptions::new().terminator(b"\n").encoding(Encoding::Utf16Le).read_timeout(TIME);
    let server = OneClientServer::builder().options(options.clone()).start().await.unwrap();
    let client = Client::builder("127.0.0.1", server.port()).options(options).connect().await.unwrap();
    assert_eq!((client.terminator(), client.encoding()), (server.terminator(), server.encoding()));
    let session = server.wait_connected().await.unwrap();
    client.write_str("12.5°").await.unwrap();
    assert_eq!(session.read_str().await.unwrap(), "12.5°");
}
