//! The helpers that work on any stream.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tcpip_core::{
    DEFAULT_CLOSE_TIMEOUT, ReadError, WriteError, close_stream_writer, read_into, read_struct, set_socket_options,
    write_from,
};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, duplex},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_test::io::Builder;
use zerocopy::{
    Immutable, IntoBytes, KnownLayout, TryFromBytes,
    little_endian::{F64, U16},
};

#[derive(TryFromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy)]
#[repr(C)]
struct Status {
    position: F64,
    code: U16,
    moving: bool,
}

const STATUS: Status =
    Status { position: F64::from_bytes([0, 0, 0, 0, 0, 0, 0xf8, 0x3f]), code: U16::new(513), moving: true };
const STATUS_BYTES: [u8; 11] = [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 1, 2, 1];

/// A stream that keeps each write by itself.
#[derive(Default)]
struct Writes(Vec<Vec<u8>>);

impl AsyncWrite for Writes {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn sockets() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
    Ok((near?, far?.0))
}

/// A structure cut into reads at every offset is read as one, and what follows it is left in the stream.
#[test_log::test(tokio::test)]
async fn a_struct_is_read_whatever_the_chunks() {
    for cut in 1..STATUS_BYTES.len() {
        let mut stream = Builder::new().read(&STATUS_BYTES[..cut]).read(&STATUS_BYTES[cut..]).read(b"rest").build();
        assert_eq!(read_struct::<Status>(&mut stream).await.unwrap(), STATUS);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"rest");
    }
}

/// At the end of the stream the error has the bytes that came, and how many there should have been.
/// Parity: `read_into`.
#[test_log::test(tokio::test)]
async fn a_stream_that_ends_early_gives_the_partial_data() {
    for length in 0..STATUS_BYTES.len() {
        let mut target = STATUS;
        let error = read_into(&mut &STATUS_BYTES[..length], &mut target).await.unwrap_err();
        let ReadError::Incomplete { partial, expected } = &error else { panic!("{error}") };
        assert_eq!((&partial[..], *expected), (&STATUS_BYTES[..length], Some(STATUS_BYTES.len())));
        assert_eq!(target, STATUS, "the target keeps its value");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
    }
}

/// A `bool` that is 2 is refused with the bytes, the target keeps its value, and the next structure is read right.
#[test_log::test(tokio::test)]
async fn a_bool_of_2_is_refused() {
    let mut bytes = STATUS_BYTES;
    bytes[10] = 2;
    let (mut near, mut far) = duplex(64);
    far.write_all(&bytes).await.unwrap();
    far.write_all(&STATUS_BYTES).await.unwrap();
    let mut target = Status { moving: false, ..STATUS };
    match read_into(&mut near, &mut target).await.unwrap_err() {
        ReadError::InvalidStruct { type_name, bytes: refused } => {
            assert!(type_name.ends_with("Status"));
            assert_eq!(refused, bytes);
        }
        error => panic!("{error}"),
    }
    assert!(!target.moving);
    read_into(&mut near, &mut target).await.unwrap();
    assert_eq!(target, STATUS);
}

/// An interrupted read goes on; any other error is passed on with its cause.
#[test_log::test(tokio::test)]
async fn a_failing_stream_gives_its_error() {
    let mut stream = Builder::new()
        .read(&STATUS_BYTES[..3])
        .read_error(io::ErrorKind::Interrupted.into())
        .read(&STATUS_BYTES[3..])
        .read_error(io::ErrorKind::ConnectionReset.into())
        .build();
    assert_eq!(read_struct::<Status>(&mut stream).await.unwrap(), STATUS);
    let error = read_struct::<Status>(&mut stream).await.unwrap_err();
    assert!(matches!(&error, ReadError::Io(cause) if cause.kind() == io::ErrorKind::ConnectionReset), "{error}");

    let mut stream = Builder::new().write_error(io::ErrorKind::BrokenPipe.into()).build();
    let error = write_from(&mut stream, &STATUS).await.unwrap_err();
    assert!(matches!(&error, WriteError::Io(cause) if cause.kind() == io::ErrorKind::BrokenPipe), "{error}");
}

/// Several structures of different types go out in one write, back to back, and through a buffered writer too.
/// Parity: `write_from`.
#[test_log::test(tokio::test)]
async fn several_structs_are_one_write() {
    let whole = [&STATUS_BYTES[..], &[9], &[1, 0, 2, 0]].concat();
    let words = [U16::new(1), U16::new(2)];
    let mut writes = Writes::default();
    write_from(&mut writes, (&STATUS, &9u8, &words)).await.unwrap();
    assert_eq!(writes.0, std::slice::from_ref(&whole));

    let (near, mut far) = duplex(64);
    let mut buffered = BufWriter::new(near);
    write_from(&mut buffered, (&STATUS, &9u8, &words)).await.unwrap();
    let mut received = vec![0; whole.len()];
    far.read_exact(&mut received).await.unwrap();
    assert_eq!(received, whole);
}

/// Closing sends what is buffered and then the end of the stream, and may be repeated.
/// Parity: `close_stream_writer`.
#[test_log::test(tokio::test)]
async fn close_flushes_and_ends_the_stream() {
    let (near, mut far) = sockets().await.unwrap();
    let mut writer = BufWriter::new(near);
    writer.write_all(b"last words").await.unwrap();
    for _ in 0..3 {
        close_stream_writer(&mut writer).await.unwrap();
    }
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"last words");
}

/// A stream that the peer has closed or reset is closed without an error, again and again.
/// Parity: `close_stream_writer`.
#[test_log::test(tokio::test)]
async fn closing_a_closed_stream_is_no_error() {
    let (near, far) = duplex(8);
    drop(far);
    let mut writer = BufWriter::new(near);
    writer.write_all(b"nobody").await.unwrap();
    for _ in 0..3 {
        close_stream_writer(&mut writer).await.unwrap();
    }

    let (near, far) = sockets().await.unwrap();
    SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
    drop(far);
    near.readable().await.unwrap();
    let mut writer = BufWriter::new(near);
    writer.write_all(b"nobody").await.unwrap();
    for _ in 0..3 {
        close_stream_writer(&mut writer).await.unwrap();
    }
}

/// A peer that does not read cannot hold the close up: it gives up after the deadline, and may be called again.
/// Parity: `close_stream_writer`.
#[test_log::test(tokio::test(start_paused = true))]
async fn close_is_bounded_when_the_peer_does_not_read() {
    let (near, mut far) = duplex(4);
    let mut writer = BufWriter::new(near);
    writer.write_all(b"more than four").await.unwrap();
    let start = Instant::now();
    let error = close_stream_writer(&mut writer).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(start.elapsed() >= DEFAULT_CLOSE_TIMEOUT && start.elapsed() < 2 * DEFAULT_CLOSE_TIMEOUT);

    let mut received = Vec::new();
    let (closed, read) = tokio::join!(close_stream_writer(&mut writer), far.read_to_end(&mut received));
    closed.unwrap();
    read.unwrap();
    assert_eq!(received, b"more than four");
}

/// An error that is not that of a closed stream is passed on.
#[test_log::test(tokio::test)]
async fn another_error_at_close_is_reported() {
    let stream = Builder::new().write_error(io::ErrorKind::StorageFull.into()).build();
    let mut writer = BufWriter::new(stream);
    writer.write_all(b"x").await.unwrap();
    assert_eq!(close_stream_writer(&mut writer).await.unwrap_err().kind(), io::ErrorKind::StorageFull);
}

/// Keep-alive (60 s, 4 probes, 15 s) and no-delay can be read back from the sockets of both ends.
/// Parity: `set_socket_options`.
#[test_log::test(tokio::test)]
async fn socket_options_are_read_back_from_both_ends() {
    let (near, far) = sockets().await.unwrap();
    for end in [&near, &far] {
        assert!(!SockRef::from(end).keepalive().unwrap(), "off by default");
        set_socket_options(end).unwrap();
        let socket = SockRef::from(end);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_mins(1));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(15));
        assert!(end.nodelay().unwrap());
    }
}
