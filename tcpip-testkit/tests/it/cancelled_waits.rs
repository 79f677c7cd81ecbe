//! Connecting, starting, closing and waiting, dropped after each poll.

use std::{
    future::{Future, ready},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tcpip_client::{Client, ClientBuilder};
use tcpip_server::{
    AnyServer, ClientOrServer, Connection, ConnectionEvent, DisconnectReason, HandlerResult, OneClientReadLoopServer,
    OneClientServer, ReadAndDispatch, Server, ServerBuilder,
};
use tcpip_testkit::eventually;
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    runtime::Handle,
    sync::{Semaphore, mpsc},
};

use crate::cut::cut;

/// What a close takes where the peer does not read.
const SHORT: Duration = Duration::from_millis(10);
const MOST_POLLS: usize = 6;

type Events = mpsc::UnboundedReceiver<ConnectionEvent>;

/// A callback, and the events that it is told of.
fn callback() -> (impl Fn(ConnectionEvent) -> std::future::Ready<()> + Send + Sync + 'static, Events) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let callback = move |event| {
        let _ = sender.send(event);
        ready(())
    };
    (callback, receiver)
}

/// Checks that whoever had the callback is gone and has told nothing.
async fn assert_untold(events: &mut Events) {
    let next = eventually(events.recv()).await;
    assert!(next.is_none(), "{next:?}");
}

/// Checks that exactly one session began and ended, for `reason`, and that the endpoint is gone.
async fn assert_told_once(events: &mut Events, reason: DisconnectReason) {
    let mut told = Vec::new();
    while let Some(event) = eventually(events.recv()).await {
        told.push(event.reason());
    }
    assert_eq!(told, [None, Some(reason)]);
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until no more than `before` tasks are there.
async fn assert_no_task_is_left(before: usize) {
    eventually(|| tasks() <= before).await;
}

/// A `connect` that is dropped before its end leaves no task, no event and no connection, wherever it was: on its way
/// to a listener, to one that does not answer, or looking up a name.
#[test_log::test(tokio::test)]
async fn cancelled_connect_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // A connection in the backlog of one is all that this listener takes.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let full_at = full.local_addr().unwrap().as_socket().unwrap();
    let _first = tokio::net::TcpStream::connect(full_at).await.unwrap();

    let before = tasks();
    for (host, port) in [("127.0.0.1", port), ("localhost", port), ("127.0.0.1", full_at.port())] {
        for polls in 0..=MOST_POLLS {
            let (callback, mut events) = callback();
            if let Some(client) = cut(polls, Client::builder(host, port).connect_callback(callback).connect()).await {
                assert!(polls > 1, "connecting takes more than a poll");
                client.unwrap().close().await;
                assert_told_once(&mut events, DisconnectReason::Closed).await;
            } else {
                assert_untold(&mut events).await;
            }
            assert_no_task_is_left(before).await;
        }
    }
    // Whatever has reached the listener is over.
    let last = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    loop {
        let (mut stream, peer) = listener.accept().await.unwrap();
        if peer == last.local_addr().unwrap() {
            break;
        }
        assert!(!matches!(eventually(stream.read(&mut [0])).await, Ok(1..)));
    }
}

/// Fault 7: a `start` that is dropped before its end leaves no task, no event and no listening port.
#[test_log::test(tokio::test)]
async fn cancelled_start_leaves_nothing_behind() {
    // An address of this test's own, the second time as a name that is looked up.
    let free = TcpListener::bind("127.0.82.7:0").await.unwrap().local_addr().unwrap();
    let before = tasks();
    let mut dropped = 0;
    for host in ["127.0.82.7", "127.0.20999"] {
        for polls in 0..=MOST_POLLS {
            let (callback, mut events) = callback();
            let starting = OneClientServer::builder().host(host).port(free.port()).connect_callback(callback).start();
            if let Some(server) = cut(polls, starting).await {
                let server = server.unwrap();
                assert_eq!(server.local_addrs(), [free]);
                server.close().await;
                drop(server);
            } else {
                dropped += 1;
            }
            assert_untold(&mut events).await;
            assert_no_task_is_left(before).await;
            let error = tokio::net::TcpStream::connect(free).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
    // Unpolled in any case, and within the look-up unless that was done before the first poll returned.
    assert!(dropped >= 2, "only {dropped} were dropped");
}

/// What to do with an endpoint, in a form that can be dropped and done again.
type Act<T> = for<'a> fn(&'a T) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How the session stands when it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Idle,
    /// The peer does not read, and a message waits in the queue.
    Stalled,
    /// The peer has sent something that nobody has read.
    Unread,
    /// The peer has sent something and hung up.
    Draining,
}

const BEFORE: [Before; 4] = [Before::Idle, Before::Stalled, Before::Unread, Before::Draining];

fn with_short_deadlines(client: ClientBuilder) -> ClientBuilder {
    client.close_timeout(SHORT)
}

async fn bring_about(before: Before, near: &Connection, far: &mut Option<Connection>) {
    let peer = far.clone().expect("it is there");
    match before {
        Before::Idle => {}
        Before::Stalled => assert!(cut(3, near.write(&vec![0; 8 << 20])).await.is_none(), "the peer does not read"),
        Before::Unread => peer.write(b"unread").await.expect("connected"),
        Before::Draining => {
            peer.write(b"unread").await.expect("connected");
            peer.close().await;
            far.take();
        }
    }
}

/// A client's `close` that is dropped after each poll goes on without its caller; called again, it returns; and the
/// callback is told exactly once.
#[test_log::test(tokio::test)]
async fn cancelled_close_of_a_client_goes_on() {
    let closes: [(Act<Client>, bool); 2] =
        [(|client| Box::pin(client.close()), false), (|client| Box::pin(client.basic_close()), true)];
    let tasks_before = tasks();
    for before in BEFORE {
        for (close, should_be_connected) in closes {
            for polls in 0..=MOST_POLLS {
                let server = OneClientServer::builder().close_timeout(SHORT).start().await.unwrap();
                let (callback, mut events) = callback();
                let client = Client::builder(server.host(), server.port()).connect_callback(callback);
                let client = with_short_deadlines(client).connect().await.unwrap();
                let mut peer = server.wait_connected().await;
                bring_about(before, &client.connection(), &mut peer).await;

                let cut_short = cut(polls, close(&client)).await.is_none();
                assert_eq!(client.is_connected(), polls == 0, "{before:?}");
                if cut_short && polls > 0 {
                    eventually(client.wait_closed()).await;
                }
                eventually(close(&client)).await;
                eventually(close(&client)).await;
                eventually(client.wait_closed()).await;
                assert_eq!(client.should_be_connected(), should_be_connected);
                eventually(client.callbacks_done()).await;
                drop(client);
                assert_told_once(&mut events, DisconnectReason::Closed).await;
                drop((server, peer));
            }
        }
    }
    assert_no_task_is_left(tasks_before).await;
}

struct Deaf;

impl ReadAndDispatch for Deaf {
    async fn read_and_dispatch(&self, _connection: &Connection) -> HandlerResult {
        std::future::pending().await
    }
}

async fn torture_close_client<B: ServerBuilder>(builder: impl Fn() -> B) {
    let closes: [(Act<AnyServer>, bool); 2] =
        [(|server| Box::pin(server.close_client()), false), (|server| Box::pin(server.basic_close_client()), true)];
    for before in BEFORE {
        for (close, should_be_connected) in closes {
            let (callback, mut events) = callback();
            let holder = builder().connect_callback(callback).start().await.expect("a free port");
            let server = holder.server();
            for polls in 0..=MOST_POLLS {
                let client = Client::builder(server.host(), server.port());
                let client = with_short_deadlines(client).connect().await.expect("it listens");
                let session = eventually(holder.wait_connected()).await.expect("not closed");
                assert_eq!(session.peer_addr(), client.connection().local_addr());
                let mut peer = Some(client.connection());
                bring_about(before, &session, &mut peer).await;

                let cut_short = cut(polls, close(server)).await.is_none();
                assert_eq!(session.is_connected(), polls == 0, "{before:?}");
                if cut_short && polls > 0 {
                    eventually(session.wait_closed()).await;
                }
                eventually(close(server)).await;
                eventually(close(server)).await;
                eventually(session.wait_closed()).await;
                assert_eq!(session.should_be_connected(), should_be_connected);
                eventually(server.callbacks_done()).await;
                assert!(events.try_recv().expect("told").is_connected());
                assert_eq!(events.try_recv().expect("told").reason(), Some(DisconnectReason::Closed));
                events.try_recv().expect_err("told once");
            }
            eventually(server.close()).await;
        }
    }
}

/// A `close_client` that is dropped after each poll goes on; called again, it returns; the next client is served.
#[test_log::test(tokio::test)]
async fn cancelled_close_client_goes_on() {
    let before = tasks();
    torture_close_client(|| OneClientServer::builder().close_timeout(SHORT)).await;
    torture_close_client(|| OneClientReadLoopServer::builder(Deaf).close_timeout(SHORT)).await;
    assert_no_task_is_left(before).await;
}

async fn torture_close_server<B: ServerBuilder>(builder: impl Fn() -> B) {
    let closes: [(Act<AnyServer>, bool); 2] =
        [(|server| Box::pin(server.close()), false), (|server| Box::pin(server.basic_close()), true)];
    for before in BEFORE {
        for (close, should_be_connected) in closes {
            for polls in 0..=MOST_POLLS {
                let (callback, mut events) = callback();
                let holder = builder().host("127.0.82.8").connect_callback(callback).start().await.expect("a port");
                let server = holder.server();
                let address = server.local_addrs()[0];
                let client = Client::builder(server.host(), server.port());
                let client = with_short_deadlines(client).connect().await.expect("it listens");
                let session = eventually(holder.wait_connected()).await.expect("not closed");
                let mut peer = Some(client.connection());
                bring_about(before, &session, &mut peer).await;

                let cut_short = cut(polls, close(server)).await.is_none();
                assert_eq!(session.is_connected(), polls == 0, "{before:?}");
                if cut_short && polls > 0 {
                    eventually(server.wait_closed()).await;
                }
                eventually(close(server)).await;
                // No longer in use by anybody, without a wait.
                let _again = std::net::TcpListener::bind(address).expect("the port is free");
                eventually(close(server)).await;
                eventually(server.wait_closed()).await;
                assert!(server.is_closed() && session.is_closed());
                assert_eq!(session.should_be_connected(), should_be_connected);
                assert!(holder.wait_connected().await.is_none());
                eventually(server.callbacks_done()).await;
                drop(holder);
                assert_told_once(&mut events, DisconnectReason::Closed).await;
            }
        }
    }
}

/// A server's `close` that is dropped after each poll goes on; called again, it returns, and the port is free.
#[test_log::test(tokio::test)]
async fn cancelled_close_of_a_server_goes_on() {
    let before = tasks();
    torture_close_server(|| OneClientServer::builder().close_timeout(SHORT)).await;
    torture_close_server(|| OneClientReadLoopServer::builder(Deaf).close_timeout(SHORT)).await;
    assert_no_task_is_left(before).await;
}

/// Waits that are dropped after each poll miss nothing when they are called again.
#[test_log::test(tokio::test)]
async fn cancelled_waits_miss_nothing() {
    for polls in 0..=MOST_POLLS {
        let server = OneClientServer::builder().start().await.unwrap();
        assert!(cut(polls, server.wait_connected()).await.is_none());
        let client = Client::builder(server.host(), server.port()).connect().await.unwrap();
        let _ = cut(polls, server.wait_connected()).await;
        let session = eventually(server.wait_connected()).await.unwrap();
        assert_eq!(cut(1, client.wait_connected()).await.unwrap().unwrap(), client.connection());

        assert!(cut(polls, session.wait_disconnected()).await.is_none());
        assert!(cut(polls, session.wait_closed()).await.is_none());
        assert!(cut(polls, client.wait_disconnected()).await.is_none());
        assert!(cut(polls, client.wait_closed()).await.is_none());
        assert!(cut(polls, server.wait_closed()).await.is_none());
        drop(client);
        let _ = cut(polls, session.wait_disconnected()).await;
        let _ = cut(polls, session.wait_closed()).await;
        eventually(session.wait_disconnected()).await;
        eventually(session.wait_closed()).await;
        assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));

        assert!(cut(polls, server.wait_connected()).await.is_none());
        let (waited, ()) = tokio::join!(server.wait_connected(), server.close());
        assert!(waited.is_none());
        let _ = cut(polls, server.wait_closed()).await;
        eventually(server.wait_closed()).await;
    }
}

/// A `callbacks_done` that is dropped after each poll changes nothing: called again, it returns when the callback has.
#[test_log::test(tokio::test)]
async fn cancelled_callbacks_done_waits_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for polls in 0..=MOST_POLLS {
        let gate = Arc::new(Semaphore::new(0));
        let told = Arc::new(Semaphore::new(0));
        let (gate_there, told_there) = (Arc::clone(&gate), Arc::clone(&told));
        let client = Client::builder("127.0.0.1", port).connect_callback(move |_event| {
            let (gate, told) = (Arc::clone(&gate_there), Arc::clone(&told_there));
            async move {
                gate.acquire().await.unwrap().forget();
                told.add_permits(1);
            }
        });
        let client = client.connect().await.unwrap();
        client.close().await;
        for done in 0..2 {
            assert!(cut(polls, client.callbacks_done()).await.is_none());
            assert_eq!(told.available_permits(), done);
            gate.add_permits(1);
            if done == 0 {
                eventually(told.acquire()).await.unwrap().forget();
                told.add_permits(1);
            }
        }
        let _ = cut(polls, client.callbacks_done()).await;
        eventually(client.callbacks_done()).await;
        assert_eq!(told.available_permits(), 2);
    }
}
