//! What a test hears from a stream of its own.

use std::{
    io::{self, ErrorKind},
    panic::Location,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    DEFAULT_EVENTUALLY_TIMEOUT,
    script::{notation, shown},
};

/// How much is read at once.
const READ_AT_ONCE: usize = 16 * 1024;

/// Says what a bare stream must give: a socket, a [`NetworkStream`](tcpip_core::NetworkStream), one half of tokio's
/// `duplex`. For peers that no [`ScriptedPeer`](crate::ScriptedPeer) can be, since they stop reading, hang up or are
/// reset when the test says so.
///
/// Each has [`DEFAULT_EVENTUALLY_TIMEOUT`]. A failure names the place of the call and shows what came, in the notation
/// of [`scripts`](crate::scripts). Nothing is read behind what is expected.
///
/// # Cancel safety
///
/// What has been read is lost.
///
/// # Panics
///
/// Where what comes is anything else, at the first byte that differs.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_server::OneClientServer;
/// use tcpip_testkit::{ExpectExt, eventually};
/// use tokio::{io::AsyncWriteExt, net::TcpStream};
///
/// let server = OneClientServer::builder().start().await?;
/// let mut client = TcpStream::connect((server.host(), server.port())).await?;
/// client.write_all(b"half a li").await?;
/// let session = eventually(server.wait_connected()).await.expect("a client");
/// session.write_str("ready").await?;
/// client.expect("ready\r\n").await;
/// server.close_client().await;
/// client.expect_end().await;
/// # Ok(())
/// # }
/// ```
pub trait ExpectExt: AsyncRead + Unpin {
    /// These bytes come next.
    #[track_caller]
    fn expect(&mut self, bytes: impl AsRef<[u8]>) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move { expect_at(place, self, bytes.as_ref()).await }
    }

    /// The stream ends in good order, with no byte before that.
    #[track_caller]
    fn expect_end(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            match next(self).await {
                Ok(None) => {}
                Ok(Some(byte)) => fail(place, "the end of the stream", &shown::bytes(&[byte], 0), Ok(())),
                Err(error) => fail(place, "the end of the stream", "nothing", Err(error)),
            }
        }
    }

    /// The stream is reset, with no byte before that.
    #[track_caller]
    fn expect_reset(&mut self) -> impl Future<Output = ()> {
        let place = Location::caller();
        async move {
            match next(self).await {
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => {}
                Ok(Some(byte)) => fail(place, "a reset", &shown::bytes(&[byte], 0), Ok(())),
                Ok(None) => fail(place, "a reset", "nothing", Err(ErrorKind::UnexpectedEof.into())),
                Err(error) => fail(place, "a reset", "nothing", Err(error)),
            }
        }
    }

    /// The next `count` bytes, whatever they are.
    #[track_caller]
    fn receive(&mut self, count: usize) -> impl Future<Output = Vec<u8>> {
        let place = Location::caller();
        async move {
            let mut came = Vec::new();
            let whole = within(self.take(count as u64).read_to_end(&mut came)).await;
            match whole {
                Ok(read) if read == count => came,
                whole => fail(
                    place,
                    &format!("{count} bytes"),
                    &shown::bytes(&came, came.len()),
                    whole.and(Err(ErrorKind::UnexpectedEof.into())),
                ),
            }
        }
    }

    /// Everything up to the end of the stream.
    ///
    /// # Errors
    ///
    /// That which ends the stream in place of an end in good order: a reset, for example.
    #[track_caller]
    fn rest(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> {
        let place = Location::caller();
        async move {
            let mut came = Vec::new();
            match within(self.read_to_end(&mut came)).await {
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    fail(place, "the end of the stream", &shown::bytes(&came, came.len()), Err(error))
                }
                read => read.map(|_| came),
            }
        }
    }

    /// Sends `message`, and these bytes come next.
    #[track_caller]
    fn ask(&mut self, message: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) -> impl Future<Output = ()>
    where
        Self: AsyncWrite,
    {
        let place = Location::caller();
        async move {
            let message = message.as_ref();
            if let Err(error) = within(self.write_all(message)).await {
                panic!("{} cannot be sent at {place}: {error}", notation::items(message));
            }
            expect_at(place, self, reply.as_ref()).await;
        }
    }
}

impl<S: AsyncRead + Unpin + ?Sized> ExpectExt for S {}

/// These bytes come next, or the test fails that called at `place`.
async fn expect_at(place: &Location<'_>, stream: &mut (impl AsyncRead + Unpin + ?Sized), expected: &[u8]) {
    let mut came = Vec::new();
    match within(hear(stream, expected, &mut came)).await {
        Ok(()) if came == expected => {}
        heard => {
            let same = expected.iter().zip(&came).take_while(|(expected, came)| expected == came).count();
            fail(place, &shown::bytes(expected, same), &shown::bytes(&came, same), heard)
        }
    }
}

/// Reads as many bytes as are expected, or up to the first that differ.
async fn hear(stream: &mut (impl AsyncRead + Unpin + ?Sized), expected: &[u8], came: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = vec![0; expected.len().min(READ_AT_ONCE)];
    while came.len() < expected.len() {
        let missing = &expected[came.len()..];
        let at_most = chunk.len().min(missing.len());
        let count = stream.read(&mut chunk[..at_most]).await?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let next = &chunk[..count];
        came.extend_from_slice(next);
        if !missing.starts_with(next) {
            break;
        }
    }
    Ok(())
}

/// The next byte; nothing at the end of the stream.
async fn next(stream: &mut (impl AsyncRead + Unpin + ?Sized)) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let count = within(stream.read(&mut byte)).await?;
    Ok((count > 0).then_some(byte[0]))
}

/// What the stream does, or that it does nothing for too long.
async fn within<T>(done: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(DEFAULT_EVENTUALLY_TIMEOUT, done).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Fails the test that called at `place`.
fn fail(place: &Location<'_>, expected: &str, came: &str, then: io::Result<()>) -> ! {
    let then = match then.map_err(|error| (error.kind(), error)) {
        Ok(()) => String::new(),
        Err((ErrorKind::UnexpectedEof, _)) => "; then the stream ended".to_owned(),
        Err((ErrorKind::TimedOut, _)) => format!("; then nothing for {DEFAULT_EVENTUALLY_TIMEOUT:?}"),
        Err((_, error)) => format!("; then {error}"),
    };
    panic!("expected at {place}: {expected}\ncame: {came}{then}");
}
