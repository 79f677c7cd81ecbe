//! Floods: a thread writes as fast as it can, and this one reads.

use tcpip_client::{Client, ClientOrServer, Connection, NetworkStream};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    net::TcpStream,
};
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec, LinesCodec};
use zerocopy::{FromZeros, IntoBytes};

use crate::{
    Failure,
    frames::{Check, Frames, LARGE, Status, Telemetry},
    memory_stream::MemoryStream,
    one_thread,
    other_end::OtherEnd,
    stopwatch::{Scope, Stopwatch, Turn},
};

/// A way of reading frames, by the library and by hand. Each reads as many as the check expects.
pub(crate) trait Flood {
    fn frames() -> Frames;
    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure>;
    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure>;
}

/// Lines, each a `String` of its own.
pub(crate) struct OwnedLines;

impl Flood for OwnedLines {
    fn frames() -> Frames {
        Frames::lines()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        for _ in 0..check.count() {
            check.see(connection.read_str().await?.as_bytes());
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut lines = FramedRead::with_capacity(stream, LinesCodec::new(), 64 * 1024);
        for _ in 0..check.count() {
            check.see(lines.next().await.ok_or("the end")??.as_bytes());
        }
        Ok(())
    }
}

/// Lines into one `String`, beside a `BufReader` of so many KiB.
pub(crate) struct ReusedLine<const KIB: usize>;

impl<const KIB: usize> Flood for ReusedLine<KIB> {
    fn frames() -> Frames {
        Frames::lines()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut line = String::new();
        for _ in 0..check.count() {
            connection.read_str_into(&mut line).await?;
            check.see(line.as_bytes());
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(KIB * 1024, stream);
        let mut line = String::new();
        check.expect_delimiters();
        for _ in 0..check.count() {
            line.clear();
            reader.read_line(&mut line).await?;
            check.see(line.as_bytes());
        }
        Ok(())
    }
}

/// Lines that are lent, one a call.
pub(crate) struct LentLine;

impl Flood for LentLine {
    fn frames() -> Frames {
        Frames::lines()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        for _ in 0..check.count() {
            connection.read_str_with(|line| check.see(line.as_bytes())).await?;
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        ReusedLine::<8>::by_hand(stream, check).await
    }
}

/// Lines that are lent, all of the buffer in one call.
pub(crate) struct LentLines;

impl Flood for LentLines {
    fn frames() -> Frames {
        Frames::lines()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut left = check.count();
        while left > 0 {
            left -= connection.read_each_str(|line| check.see(line.as_bytes())).await?;
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        ReusedLine::<8>::by_hand(stream, check).await
    }
}

/// Lines through a stream.
pub(crate) struct StreamOfLines;

impl Flood for StreamOfLines {
    fn frames() -> Frames {
        Frames::lines()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut lines = connection.messages();
        for _ in 0..check.count() {
            check.see(lines.next().await.ok_or("the end")??.as_bytes());
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        OwnedLines::by_hand(stream, check).await
    }
}

/// Structures of 60 bytes.
pub(crate) struct Structs;

impl Flood for Structs {
    fn frames() -> Frames {
        Frames::structs()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut telemetry = Telemetry::new_zeroed();
        for _ in 0..check.count() {
            connection.read_into(&mut telemetry).await?;
            check.see(telemetry.as_bytes());
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut reader = BufReader::new(stream);
        let mut telemetry = Telemetry::new_zeroed();
        for _ in 0..check.count() {
            reader.read_exact(telemetry.as_mut_bytes()).await?;
            check.see(telemetry.as_bytes());
        }
        Ok(())
    }
}

/// 60 bytes behind their length.
pub(crate) struct LengthDelimited;

impl Flood for LengthDelimited {
    fn frames() -> Frames {
        Frames::length_delimited()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut codec = LengthDelimitedCodec::new();
        for _ in 0..check.count() {
            check.see(&connection.read_frame(&mut codec).await?);
        }
        Ok(())
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut frames = FramedRead::new(stream, LengthDelimitedCodec::new());
        for _ in 0..check.count() {
            check.see(&frames.next().await.ok_or("the end")??);
        }
        Ok(())
    }
}

/// JSON of 223 bytes as a typed value. By hand, `serde_json` is given the bytes in memory, and nothing is received.
pub(crate) struct Json;

impl Flood for Json {
    fn frames() -> Frames {
        Frames::json()
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut counters = 0;
        for _ in 0..check.count() {
            counters += connection.read_json::<Status>().await?.counter;
        }
        see_all(check, counters)
    }

    async fn by_hand(_: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        let mut counters = 0;
        for index in 0..check.count() {
            counters += serde_json::from_slice::<Status>(check.frames().payload(index))?.counter;
        }
        see_all(check, counters)
    }
}

/// Takes note of all frames at once, if the sum of the counters in them is the right one.
fn see_all(check: &mut Check<'_>, counters: u64) -> Result<(), Failure> {
    let frames = check.frames();
    let mut expected = 0;
    for index in 0..check.count() {
        let number = index % (frames.bytes().len() / frames.length());
        expected += 100_000 + u64::try_from(number)?;
        check.see(frames.payload(index));
    }
    if counters == expected { Ok(()) } else { Err("what was read is not what was sent".into()) }
}

/// 16 MiB, each time into a `Vec` of its own.
pub(crate) struct Large;

impl Flood for Large {
    fn frames() -> Frames {
        Frames::single(LARGE)
    }

    async fn ours(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
        exact_by_the_library(connection, check).await
    }

    async fn by_hand(stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
        exact_by_hand(stream, check).await
    }
}

pub(crate) async fn exact_by_the_library(connection: &Connection, check: &mut Check<'_>) -> Result<(), Failure> {
    let length = check.frames().length();
    for _ in 0..check.count() {
        check.see(&connection.read_exact(length).await?);
    }
    Ok(())
}

pub(crate) async fn exact_by_hand(mut stream: impl AsyncRead + Unpin, check: &mut Check<'_>) -> Result<(), Failure> {
    let length = check.frames().length();
    for _ in 0..check.count() {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await?;
        check.see(&bytes);
    }
    Ok(())
}

/// A turn of the library, over loopback TCP.
pub(crate) fn ours<F: Flood>(count: usize) -> Result<Turn, Failure> {
    by_the_library(&F::frames(), count, F::ours)
}

/// A turn by hand, over loopback TCP.
pub(crate) fn by_hand<F: Flood>(count: usize) -> Result<Turn, Failure> {
    let frames = F::frames();
    over_tcp(&frames, count, async |stream, check| F::by_hand(stream, check).await)
}

pub(crate) fn by_the_library(
    frames: &Frames,
    count: usize,
    read: impl AsyncFnOnce(&Connection, &mut Check<'_>) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let writer = OtherEnd::writes(frames, count)?;
    let turn = one_thread()?.block_on(async {
        let address = writer.address();
        let client = Client::builder(&address.ip().to_string(), address.port()).connect().await?;
        let turn = timed(frames, count, async |check| read(&client.connection(), check).await).await;
        client.close().await;
        turn
    })?;
    writer.finish()?;
    Ok(turn)
}

pub(crate) fn over_tcp(
    frames: &Frames,
    count: usize,
    read: impl AsyncFnOnce(TcpStream, &mut Check<'_>) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let writer = OtherEnd::writes(frames, count)?;
    let turn = one_thread()?.block_on(async {
        let stream = TcpStream::connect(writer.address()).await?;
        stream.set_nodelay(true)?;
        timed(frames, count, async |check| read(stream, check).await).await
    })?;
    writer.finish()?;
    Ok(turn)
}

/// A turn of the library over bytes in memory.
pub(crate) fn ours_in_memory<F: Flood>(count: usize) -> Result<Turn, Failure> {
    let frames = F::frames();
    one_thread()?.block_on(async {
        let client = Client::from_stream(NetworkStream::over(MemoryStream::new(&frames, count))).connect().await?;
        timed(&frames, count, async |check| F::ours(&client.connection(), check).await).await
    })
}

/// A turn by hand over bytes in memory.
pub(crate) fn by_hand_in_memory<F: Flood>(count: usize) -> Result<Turn, Failure> {
    let frames = F::frames();
    one_thread()?.block_on(async {
        let stream = MemoryStream::new(&frames, count);
        timed(&frames, count, async |check| F::by_hand(stream, check).await).await
    })
}

/// Measures a read of `count` frames, and checks them.
async fn timed(
    frames: &Frames,
    count: usize,
    read: impl AsyncFnOnce(&mut Check<'_>) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let mut check = frames.expect(count);
    let watch = Stopwatch::start(Scope::Thread);
    read(&mut check).await?;
    let turn = watch.stop(count);
    check.finish()?;
    Ok(turn)
}
