//! Whether the other end lives is judged by what has arrived, and not by this end's own delays.

use std::{
    io::{self, Write},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use tcpip_client::{Client, DisconnectReason, HEARTBEAT, ReadError};
use tcpip_server::{
    Connection, HandlerResult, Listener, NetworkStream, OneClientReadLoopServer, OneClientServer, ReadAndDispatch,
};
use tcpip_testkit::MemoryNetwork;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, sleep_until, timeout},
};

const SECOND: Duration = Duration::from_secs(1);

/// Far longer than anything here takes.
const STUCK: Duration = Duration::from_mins(1);

/// A time that this machine keeps, most of the time.
const IDLE: Duration = Duration::from_millis(300);

/// A session into which commands come in time is not idle, whatever is read when: the level of what is unread says
/// nothing. Failure 37.
#[test_log::test(tokio::test)]
async fn commands_that_come_in_time_keep_a_session() {
    // A machine that is too late for the commands to come in time shows nothing.
    for _ in 0..5 {
        let server = OneClientServer::builder().idle_timeout(IDLE).start().await.unwrap();
        let mut peer = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        let session = server.wait_connected().await.unwrap();
        let began = Instant::now();
        let mut last = began;
        let mut in_time = true;
        for after in [0, 150, 390, 570] {
            sleep_until(began + Duration::from_millis(after)).await;
            in_time &= last.elapsed() < IDLE;
            last = Instant::now();
            in_time &= peer.write_all(b"x\r\n").await.is_ok();
            // The second and the third are read late, so that they are seen unread.
            if after != 150 && session.read_str().await.is_err() {
                break;
            }
        }
        timeout(STUCK, session.wait_disconnected()).await.unwrap();
        assert_eq!(session.reason(), Some(DisconnectReason::Idle { after: IDLE }));
        if in_time {
            assert!(last.elapsed() >= IDLE, "it ended {:?} after the last command", last.elapsed());
            return;
        }
    }
}

/// Takes long for each command.
struct Slow;

impl ReadAndDispatch for Slow {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        sleep(SECOND * 10).await;
        connection.write_str(&command).await?;
        Ok(())
    }
}

/// A handler that is slow to read what has come is not idle, nor one that works on a command for long.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_at_work_is_not_idle() {
    let network = MemoryNetwork::new();
    let server =
        OneClientReadLoopServer::builder(Slow).network(&network).port(1).idle_timeout(SECOND).start().await.unwrap();
    let client = Client::builder(server.host(), 1).network(&network).connect().await.unwrap();
    let session = server.wait_connected().await.unwrap();
    client.write_str("one").await.unwrap();
    client.write_str("two").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert_eq!(client.read_str().await.unwrap(), "two");
    let answered = Instant::now();
    session.wait_disconnected().await;
    assert_eq!(session.reason(), Some(DisconnectReason::Idle { after: SECOND }));
    assert!(answered.elapsed() <= SECOND * 2, "then it is: {:?}", answered.elapsed());
}

/// While a read with a deadline waits, the session is not idle before that deadline, and not longer; a read without one
/// does not count.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_read_with_a_deadline_is_waited_for() {
    let (near, _far) = tokio::io::duplex(100);
    let client = Client::from_stream(near).idle_timeout(SECOND).read_timeout(SECOND * 5).connect().await.unwrap();
    let began = Instant::now();
    let read = client.read_str().await;
    assert!(matches!(read, Err(ReadError::Timeout { .. } | ReadError::Disconnected { .. })), "{read:?}");
    assert_eq!(began.elapsed(), SECOND * 5);
    client.wait_disconnected().await;
    assert_eq!(client.connection().reason(), Some(DisconnectReason::Idle { after: SECOND }));
    assert_eq!(began.elapsed(), SECOND * 5);

    // A reply within the deadline, however late, is had, and begins the time anew.
    let (near, mut far) = tokio::io::duplex(100);
    let client = Client::from_stream(near).idle_timeout(SECOND).read_timeout(SECOND * 5).connect().await.unwrap();
    let began = Instant::now();
    let late = async {
        sleep(SECOND * 4).await;
        far.write_all(b"late\r\n").await.unwrap();
    };
    assert_eq!(tokio::join!(client.read_str(), late).0.unwrap(), "late");
    client.wait_disconnected().await;
    assert_eq!(began.elapsed(), SECOND * 5);

    let (near, _far) = tokio::io::duplex(100);
    let client = Client::from_stream(near).idle_timeout(SECOND).connect().await.unwrap();
    let began = Instant::now();
    let read = client.read_str().await;
    assert!(matches!(read, Err(ReadError::Disconnected { reason: DisconnectReason::Idle { .. } })), "{read:?}");
    assert_eq!(began.elapsed(), SECOND);
}

/// A TCP stream that is not known as one.
struct Wrapped(TcpStream);

impl AsyncRead for Wrapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

struct WrappedListener(TcpListener);

impl Listener for WrappedListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        self.0.poll_accept(context).map_ok(|(stream, _)| NetworkStream::new(Wrapped(stream)))
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }
}

/// For which the runtime is blocked at times.
const LIMIT: Duration = Duration::from_millis(100);

/// A runtime that is blocked for longer than the limits, while the peer sends heartbeats, takes its own delay for
/// nobody's silence: over a socket, and over another stream. Failure 36.
#[test_log::test(tokio::test)]
async fn a_late_runtime_does_not_judge_its_peer() {
    for is_wrapped in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let builder = OneClientServer::builder().idle_timeout(LIMIT).max_heartbeat_interval(LIMIT);
        let builder = if is_wrapped { builder.listener(WrappedListener(listener)) } else { builder.listener(listener) };
        let server = builder.start().await.unwrap();
        let (stop, is_stopped) = std::sync::mpsc::channel::<()>();
        let peer = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            let beat = format!("{HEARTBEAT}\r\n");
            while is_stopped.recv_timeout(Duration::from_millis(10)).is_err() {
                if stream.write_all(beat.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let session = server.wait_connected().await.unwrap();
        let reader = session.clone();
        let reading = tokio::spawn(async move { reader.read_str().await });
        for _ in 0..4 {
            // The whole runtime is late: this is its one thread.
            thread::sleep(LIMIT * 3 / 2);
            tokio::task::yield_now().await;
            sleep(Duration::from_millis(5)).await;
            assert!(session.is_connected(), "{:?}, wrapped: {is_wrapped}", session.reason());
        }
        assert!(session.last_heartbeat().is_some());
        stop.send(()).unwrap();
        timeout(STUCK, session.wait_disconnected()).await.unwrap();
        let read = reading.await.unwrap();
        assert!(matches!(read, Err(ReadError::EndOfStream { .. } | ReadError::Disconnected { .. })), "{read:?}");
        tokio::task::spawn_blocking(|| peer.join().unwrap()).await.unwrap();
    }
}

/// When the last heartbeat came is told; none has before the first.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_last_heartbeat_is_told() {
    let network = MemoryNetwork::new();
    let server =
        OneClientServer::builder().network(&network).port(1).max_heartbeat_interval(SECOND * 10).start().await.unwrap();
    let client = Client::builder(server.host(), 1).network(&network).connect().await.unwrap();
    let session = server.wait_connected().await.unwrap();
    assert_eq!(session.last_heartbeat(), None);
    sleep(SECOND * 3).await;
    let now = Instant::now();
    client.write_str(HEARTBEAT).await.unwrap();
    client.write_str("data").await.unwrap();
    assert_eq!(server.read_str().await.unwrap(), "data");
    assert_eq!(session.last_heartbeat(), Some(now));
    assert_eq!(client.connection().last_heartbeat(), None);
}
