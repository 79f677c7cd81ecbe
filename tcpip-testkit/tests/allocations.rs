//! What messages and sessions cost in memory, counted by an allocator that counts for each thread.
//!
//! Everything that belongs to the library runs on the thread of its test: the runtime, both ends, and so every
//! allocation. A raw peer may run on another thread, and then is not counted.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it calls")]

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use allocation_counter::measure;
use tcpip_client::{Client, ClientBuilder, RequestOptions, Requester};
use tcpip_core::FrameBuffer;
use tcpip_server::{BytesMut, ClientOrServer, Connection, Decoder, OneClientServer};
use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, I64},
};

/// How often a message is sent before it is counted, and while it is.
const ROUNDS: u64 = 100;

/// An idle session takes less than this in user space.
const SESSION_BOUND: usize = 2560;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy, Default)]
#[repr(C)]
struct Status {
    position: F64,
    counts: [I64; 3],
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn connected(read_timeout: Option<Duration>) -> (OneClientServer, Client) {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder().read_timeout(read_timeout)).await.unwrap();
    let client = case.create_client(&server, |client| client.read_timeout(read_timeout)).await.unwrap();
    (server, client)
}

/// Counts the allocations of `round` in [`ROUNDS`] rounds, after as many that warm everything up.
fn count_warm(runtime: &Runtime, mut round: impl AsyncFnMut()) -> u64 {
    let mut rounds = || {
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                round().await;
            }
        });
    };
    rounds();
    measure(rounds).count_total
}

async fn send_text(from: &impl ClientOrServer, to: &impl ClientOrServer, text: &mut String) {
    from.write_str("position 123.45").await.unwrap();
    to.read_str_into(text).await.unwrap();
    assert_eq!(text, "position 123.45");
}

async fn send_structs(from: &impl ClientOrServer, to: &impl ClientOrServer) {
    let status = Status { position: 1.5.into(), counts: [1.into(), 2.into(), 3.into()] };
    let mut copy = Status::default();
    from.write_from(&status).await.unwrap();
    to.read_into(&mut copy).await.unwrap();
    assert_eq!(copy, status);
    from.write_from((&status, &status.counts)).await.unwrap();
    to.read_into(&mut copy).await.unwrap();
    to.read_into(&mut copy.counts).await.unwrap();
    assert_eq!(copy, status);
}

/// `write_str` and `read_str_into` allocate nothing once warm: at either end, through the trait and by the handle's own
/// methods.
#[test]
fn warm_text_allocates_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let (at_server, at_client) = (server.connection(), client.connection());
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        send_text(&client, &server, &mut text).await;
        send_text(&server, &client, &mut text).await;
        Connection::write_str(&at_client, "to the server").await.unwrap();
        Connection::read_str_into(&at_server, &mut text).await.unwrap();
        Connection::write_str(&at_server, "to the client").await.unwrap();
        Connection::read_str_into(&at_client, &mut text).await.unwrap();
    });
    assert_eq!(count, 0);
}

/// `write_from` and `read_into` allocate nothing once warm, one structure or several at a time, text between them.
#[test]
fn warm_structs_allocate_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        send_structs(&client, &server).await;
        send_text(&client, &server, &mut text).await;
        send_structs(&server, &client).await;
    });
    assert_eq!(count, 0);
}

/// A read timeout costs no allocation.
#[test]
fn a_read_timeout_allocates_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(Some(Duration::from_mins(1))));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        send_text(&client, &server, &mut text).await;
        send_text(&server, &client, &mut text).await;
    });
    assert_eq!(count, 0);
}

/// Messages that wait together in the buffer are read without an allocation, as single ones are.
#[test]
fn messages_that_arrive_together_allocate_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        for _ in 0..30 {
            client.write_str("position 123.45").await.unwrap();
        }
        for _ in 0..30 {
            server.read_str_into(&mut text).await.unwrap();
        }
    });
    assert_eq!(count, 0);
}

/// One number behind a tag.
struct Tagged;

impl Decoder for Tagged {
    type Item = u8;
    type Error = std::io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<u8>, Self::Error> {
        if bytes.len() < 2 {
            return Ok(None);
        }
        let number = bytes[1];
        bytes.clear();
        Ok(Some(number))
    }
}

/// `read_frame` allocates nothing once warm but what its codec does, text between the frames.
#[test]
fn warm_frames_allocate_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        client.write(b"=7").await.unwrap();
        assert_eq!(server.read_frame(&mut Tagged).await.unwrap(), b'7');
        send_text(&client, &server, &mut text).await;
    });
    assert_eq!(count, 0);
}

/// A frame that a codec has cut out of the buffer takes the memory along: an empty buffer keeps none of it.
#[test]
fn a_frame_takes_its_memory_along() {
    let mut buffer = FrameBuffer::default();
    let frame = vec![1; 60_000];
    let info = measure(|| {
        buffer.fill(60_000, |room| room.put_slice(&frame));
        let taken = buffer.take_with(usize::MAX, |bytes| Ok::<_, Infallible>(Some(bytes.split())));
        assert_eq!(taken, Some(Ok(Ok(BytesMut::from(&frame[..])))));
    });
    assert!(info.bytes_max >= 60_000 && info.bytes_current < 1024, "{info:?}");
}

/// Buffers have memory only while there are bytes in them, and hand it on to the next of their thread.
#[test]
fn empty_buffers_share_their_memory() {
    let [mut one, mut other] = [(); 2].map(|()| FrameBuffer::default());
    one.fill(0, |room| room.put_slice(b"status\n"));
    assert!(one.capacity() > 0);
    let info = measure(|| {
        assert_eq!(one.take_until(b"\n", 100, <[u8]>::len), Some(Ok(7)));
        assert_eq!(one.capacity(), 0);
        // As a read does that waits.
        one.fill(0, |_| ());
        assert_eq!(one.take_until(b"\n", 100, <[u8]>::len), None);
        assert_eq!(one.capacity(), 0);
        other.fill(0, |room| room.put_slice(b"parked\n"));
        assert_eq!(other.take_until(b"\n", 100, <[u8]>::len), Some(Ok(7)));
    });
    assert_eq!(info.count_total, 0);
}

/// `read_str` allocates the string that it returns and nothing else.
#[test]
fn read_str_allocates_its_result_alone() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let count = count_warm(&runtime, async || {
        client.write_str("position 123.45").await.unwrap();
        assert_eq!(server.read_str().await.unwrap(), "position 123.45");
    });
    assert_eq!(count, ROUNDS);
}

/// A request allocates its reply and nothing else, as a write and a read do: with a deadline for each, and a look at
/// the socket.
#[test]
fn a_request_allocates_its_reply_alone() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let (at_server, device) = (server.connection(), Requester::new(client, RequestOptions::new()));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        let answering = async {
            at_server.read_str_into(&mut text).await.unwrap();
            at_server.write_str(&text).await.unwrap();
        };
        let (reply, ()) = tokio::join!(device.ask("position?"), answering);
        assert_eq!(reply.unwrap(), "position?");
    });
    assert_eq!(count, ROUNDS);
}

/// A batch that is small allocates nothing once warm; a large one leaves nothing behind.
#[test]
fn a_small_batch_allocates_nothing() {
    let runtime = runtime();
    let (server, client) = runtime.block_on(connected(None));
    let mut text = String::new();
    let count = count_warm(&runtime, async || {
        client.connection().batch().write_str("position").unwrap().write(b"?\r\n").send().await.unwrap();
        server.read_str_into(&mut text).await.unwrap();
        server.read_str_into(&mut text).await.unwrap();
    });
    assert_eq!(count, 0);
    let large = vec![b'x'; 100_000];
    let (bytes, ()) = bytes_kept(&runtime, async {
        let mut sending = client.connection().batch().write(&large).send();
        let (sent, received) = tokio::join!(&mut sending, server.read_exact(large.len()));
        sent.unwrap();
        assert_eq!(received.unwrap(), large);
        assert_eq!(sending.front(), &large[..64]);
    });
    assert!(bytes < 1024, "{bytes}");
}

/// Runs `part` and says how many bytes it has allocated and not freed.
fn bytes_kept<T>(runtime: &Runtime, part: impl Future<Output = T>) -> (usize, T) {
    let mut result = None;
    let info = measure(|| {
        result = Some(runtime.block_on(async {
            let result = part.await;
            // Tasks that have just been made or woken come to rest.
            for _ in 0..10 {
                yield_now().await;
            }
            result
        }));
    });
    (usize::try_from(info.bytes_current).unwrap(), result.unwrap())
}

/// An idle session of a client takes less than 2.5 KiB.
#[test]
fn an_idle_client_is_small() {
    const SESSIONS: usize = 200;
    let runtime = runtime();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (bytes, _sessions) = bytes_kept(&runtime, async {
        let mut sessions = Vec::with_capacity(SESSIONS);
        for _ in 0..SESSIONS {
            sessions.push((client(address).connect().await.unwrap(), listener.accept().unwrap()));
        }
        sessions
    });
    println!("a client's session takes {} bytes", bytes / SESSIONS);
    assert!(bytes / SESSIONS < SESSION_BOUND);
}

/// An idle session of a server takes less than 2.5 KiB; of a read-loop server, its handler's task comes on top.
#[test]
fn an_idle_session_of_a_server_is_small() {
    const SERVERS: usize = 100;
    let runtime = runtime();
    let servers = runtime.block_on(async {
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            let plain = OneClientServer::builder().start().await.unwrap();
            let read_loop = TestOneClientReadLoopServer::builder().start().await.unwrap();
            servers.push((plain, read_loop));
        }
        servers
    });
    // Held, so that what stands in their place before the first client is not set off against the sessions.
    let _before: Vec<_> =
        servers.iter().map(|(plain, read_loop)| (plain.connection(), read_loop.connection())).collect();
    let (bytes, plain) = bytes_kept(&runtime, async {
        let mut sessions = Vec::with_capacity(SERVERS);
        for (server, _) in &servers {
            let peer = TcpStream::connect(server.local_addrs()[0]).unwrap();
            sessions.push((server.wait_connected().await.unwrap(), peer));
        }
        sessions
    });
    println!("a server's session takes {} bytes", bytes / SERVERS);
    assert!(bytes / SERVERS < SESSION_BOUND);

    let (bytes, read_loop) = bytes_kept(&runtime, async {
        let mut sessions = Vec::with_capacity(SERVERS);
        for (_, server) in &servers {
            let mut peer = TcpStream::connect(server.local_addrs()[0]).unwrap();
            peer.write_all(b"status\r\n").unwrap();
            assert_eq!(server.get_next_data().await.unwrap(), "status");
            sessions.push((server.connection(), peer));
        }
        sessions
    });
    println!("a read-loop server's session takes {} bytes", bytes / SERVERS);
    assert!(bytes / SERVERS < SESSION_BOUND);
    drop((plain, read_loop));
}

/// A session that has been busy, with a backlog of many writers and a large message each way, is as small afterwards.
#[test]
fn a_session_is_small_again_after_a_large_message() {
    const SESSIONS: usize = 10;
    const LARGE: usize = 8 * 1024 * 1024;
    const WRITERS: usize = 64;
    const EACH: usize = 100;
    let runtime = runtime();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // The peers read all that comes and send something large; then small messages go each way.
    let peers = thread::spawn(move || {
        let mut message = vec![b'x'; LARGE + WRITERS * EACH];
        let serve = |_| {
            let (mut peer, _) = listener.accept().unwrap();
            peer.read_exact(&mut message).unwrap();
            peer.write_all(&message[..LARGE]).unwrap();
            peer.write_all(b"\r\n").unwrap();
            for _ in 0..2 {
                peer.read_exact(&mut [0; 8]).unwrap();
                peer.write_all(b"parked\r\n").unwrap();
            }
            peer
        };
        (0..SESSIONS).map(serve).collect::<Vec<_>>()
    });
    let (bytes, sessions) = bytes_kept(&runtime, async {
        let large: Arc<[u8]> = vec![b'x'; LARGE].into();
        let mut sessions = Vec::with_capacity(SESSIONS);
        for _ in 0..SESSIONS {
            let client = client(address).write_limit(2 * LARGE).limit(LARGE + 2).connect().await.unwrap();
            let mut writers = JoinSet::new();
            let (connection, message) = (client.connection(), Arc::clone(&large));
            writers.spawn(async move { connection.write(&message).await.unwrap() });
            for _ in 0..WRITERS {
                let connection = client.connection();
                writers.spawn(async move { connection.write(&[b'y'; EACH]).await.unwrap() });
            }
            writers.join_all().await;
            assert_eq!(client.read_str().await.unwrap().len(), LARGE);
            for _ in 0..2 {
                client.write_str("status").await.unwrap();
                assert_eq!(client.read_str().await.unwrap(), "parked");
            }
            sessions.push(client);
        }
        sessions
    });
    println!("a client's session takes {} bytes after a large message", bytes / SESSIONS);
    assert!(bytes / SESSIONS < SESSION_BOUND);
    drop((sessions, peers.join().unwrap()));
}

fn client(address: SocketAddr) -> ClientBuilder {
    Client::builder(&address.ip().to_string(), address.port())
}
