//! Writes: this thread writes, and another one reads and compares.

use std::sync::Arc;

use tcpip_client::{Client, ClientOrServer, Connection};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Mutex, task::JoinSet};

use crate::{
    Failure,
    frames::{Frames, LARGE, Status, TEXT},
    one_thread,
    other_end::OtherEnd,
    stopwatch::{Scope, Stopwatch, Turn},
};

/// How many lines make a batch.
const BATCH: usize = 27;

/// How many tasks write at once.
const TASKS: usize = 16;

fn text() -> String {
    "x".repeat(TEXT)
}

fn line() -> Vec<u8> {
    [text().as_bytes(), b"\r\n"].concat()
}

/// A turn of the library, which writes `count` times `message`.
fn by_the_library(
    message: &[u8],
    count: usize,
    write: impl AsyncFnOnce(&Connection) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let reader = OtherEnd::reads(message, count * message.len())?;
    let turn = one_thread()?.block_on(async {
        let address = reader.address();
        let client = Client::builder(&address.ip().to_string(), address.port()).connect().await?;
        let connection = client.connection();
        let watch = Stopwatch::start(Scope::Thread);
        write(&connection).await?;
        let turn = watch.stop(count);
        client.close().await;
        Ok::<_, Failure>(turn)
    })?;
    reader.finish()?;
    Ok(turn)
}

/// As [`by_the_library`].
fn by_hand(
    message: &[u8],
    count: usize,
    write: impl AsyncFnOnce(TcpStream) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let reader = OtherEnd::reads(message, count * message.len())?;
    let turn = one_thread()?.block_on(async {
        let stream = TcpStream::connect(reader.address()).await?;
        stream.set_nodelay(true)?;
        let watch = Stopwatch::start(Scope::Thread);
        write(stream).await?;
        Ok::<_, Failure>(watch.stop(count))
    })?;
    reader.finish()?;
    Ok(turn)
}

pub(crate) fn lines_by_the_library(count: usize) -> Result<Turn, Failure> {
    let text = text();
    by_the_library(&line(), count, async |connection| {
        for _ in 0..count {
            connection.write_str(&text).await?;
        }
        Ok(())
    })
}

pub(crate) fn lines_by_hand(count: usize) -> Result<Turn, Failure> {
    bytes_by_hand(&line(), count)
}

/// One `write` of the library a message.
pub(crate) fn bytes_by_the_library(message: &[u8], count: usize) -> Result<Turn, Failure> {
    by_the_library(message, count, async |connection| {
        for _ in 0..count {
            connection.write(message).await?;
        }
        Ok(())
    })
}

/// One `write_all` a message.
pub(crate) fn bytes_by_hand(message: &[u8], count: usize) -> Result<Turn, Failure> {
    by_hand(message, count, async |mut stream| {
        for _ in 0..count {
            stream.write_all(message).await?;
        }
        Ok(())
    })
}

pub(crate) fn large_by_the_library(count: usize) -> Result<Turn, Failure> {
    bytes_by_the_library(Frames::single(LARGE).bytes(), count)
}

pub(crate) fn large_by_hand(count: usize) -> Result<Turn, Failure> {
    bytes_by_hand(Frames::single(LARGE).bytes(), count)
}

/// Batches of 27 lines; counted are the lines.
pub(crate) fn batches_by_the_library(count: usize) -> Result<Turn, Failure> {
    let (text, batches) = (text(), count / BATCH);
    by_the_library(&line(), batches * BATCH, async |connection| {
        for _ in 0..batches {
            let mut batch = connection.batch();
            for _ in 0..BATCH {
                batch.write_str(&text)?;
            }
            batch.send().await?;
        }
        Ok(())
    })
}

pub(crate) fn batches_by_hand(count: usize) -> Result<Turn, Failure> {
    bytes_by_hand(&line(), count / BATCH * BATCH)
}

pub(crate) fn tasks_by_the_library(count: usize) -> Result<Turn, Failure> {
    let each = count / TASKS;
    by_the_library(&line(), each * TASKS, async |connection| {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (connection, text) = (connection.clone(), text());
            tasks.spawn(async move {
                for _ in 0..each {
                    connection.write_str(&text).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    })
}

pub(crate) fn tasks_by_hand(count: usize) -> Result<Turn, Failure> {
    let each = count / TASKS;
    by_hand(&line(), each * TASKS, async |stream| {
        let mut tasks = JoinSet::new();
        let stream = Arc::new(Mutex::new(stream));
        for _ in 0..TASKS {
            let (stream, line) = (Arc::clone(&stream), line());
            tasks.spawn(async move {
                for _ in 0..each {
                    stream.lock().await.write_all(&line).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    })
}

/// The value that is written again and again, and its text as the library writes it: with a blank behind `,` and `:`,
/// as Python does. By hand it is 17 bytes shorter: 223.
pub(crate) fn json_by_the_library(count: usize) -> Result<Turn, Failure> {
    let status = Status::compact(0);
    let text = tcpip_core::JsonMode::default().encode(&status)?;
    by_the_library(&[text.as_bytes(), b"\r\n"].concat(), count, async |connection| {
        for _ in 0..count {
            connection.write_json(&status).await?;
        }
        Ok(())
    })
}

pub(crate) fn json_by_hand(count: usize) -> Result<Turn, Failure> {
    let status = Status::compact(0);
    let text = serde_json::to_vec(&status)?;
    by_hand(&[&text, b"\r\n".as_slice()].concat(), count, async |mut stream| {
        for _ in 0..count {
            let mut message = serde_json::to_vec(&status)?;
            message.extend_from_slice(b"\r\n");
            stream.write_all(&message).await?;
        }
        Ok(())
    })
}
