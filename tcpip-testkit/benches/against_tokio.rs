//! The library beside plain tokio (`BufReader::read_until` and `write_all`), which loses data when a read is dropped
//! and tears messages when a write is: what do the promises cost?
//!
//! `cargo bench -p tcpip-testkit`. Both take turns in one run, on one thread; the figures are medians, and the ratio
//! is library / tokio of the times: below 1 the library is faster.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tcpip_client::Client;
use tcpip_server::{Connection, OneClientServer};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

type Failure = Box<dyn Error + Send + Sync>;

const TURNS: usize = 15;
const ROUND_TRIPS: usize = 2_000;
const STREAMED: usize = 20_000;
const MESSAGE: &str = "280.00 MV and some more text to make a line";

fn main() -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    println!("{:<28} {:>12} {:>12} {:>7}", "median of 15 turns", "library", "tokio", "ratio");
    let mut pairs = Vec::new();
    for _ in 0..TURNS {
        pairs.push((runtime.block_on(round_trips_with_the_library())?, runtime.block_on(round_trips_with_tokio())?));
    }
    report("round trip of a line", ROUND_TRIPS, &mut pairs);
    pairs.clear();
    for _ in 0..TURNS {
        pairs.push((runtime.block_on(stream_with_the_library())?, runtime.block_on(stream_with_tokio())?));
    }
    report("line, one after the other", STREAMED, &mut pairs);
    Ok(())
}

/// Prints the medians of both columns and of the ratio, pair by pair.
fn report(what: &str, count: usize, pairs: &mut [(Duration, Duration)]) {
    let each = |total: Duration| total.div_f64(u32::try_from(count).map_or(f64::MAX, f64::from));
    let middle = pairs.len() / 2;
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(library, tokio)| library.as_secs_f64() / tokio.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    pairs.sort_by_key(|(library, _)| *library);
    let library = pairs[middle].0;
    pairs.sort_by_key(|(_, tokio)| *tokio);
    let tokio = pairs[middle].1;
    println!("{what:<28} {:>12.2?} {:>12.2?} {:>7.2}", each(library), each(tokio), ratios[middle]);
}

async fn library_pair() -> Result<(Client, OneClientServer, Connection), Failure> {
    let server = OneClientServer::builder().start().await?;
    let client = Client::builder(server.host(), server.port()).connect().await?;
    let connection = server.wait_connected().await.ok_or("the server is closed")?;
    Ok((client, server, connection))
}

async fn tokio_pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

async fn round_trips_with_the_library() -> Result<Duration, Failure> {
    let (client, server, connection) = library_pair().await?;
    let echo = tokio::spawn(async move {
        let mut line = String::new();
        while connection.read_str_into(&mut line).await.is_ok() {
            connection.write_str(&line).await?;
        }
        Ok::<_, Failure>(())
    });
    let connection = client.connection();
    let mut line = String::new();
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        connection.write_str(MESSAGE).await?;
        connection.read_str_into(&mut line).await?;
    }
    let elapsed = start.elapsed();
    assert_eq!(line, MESSAGE);
    client.close().await;
    echo.await??;
    server.close().await;
    Ok(elapsed)
}

async fn round_trips_with_tokio() -> Result<Duration, Failure> {
    let (client, server) = tokio_pair().await?;
    let echo = tokio::spawn(async move {
        let mut server = BufReader::new(server);
        let mut line = Vec::new();
        while server.read_until(b'\n', &mut line).await? > 0 {
            server.write_all(&line).await?;
            line.clear();
        }
        Ok::<_, Failure>(())
    });
    let message = format!("{MESSAGE}\r\n");
    let mut client = BufReader::new(client);
    let mut line = Vec::new();
    let start = Instant::now();
    for _ in 0..ROUND_TRIPS {
        line.clear();
        client.write_all(message.as_bytes()).await?;
        client.read_until(b'\n', &mut line).await?;
    }
    let elapsed = start.elapsed();
    assert_eq!(line, message.as_bytes());
    drop(client);
    echo.await??;
    Ok(elapsed)
}

async fn stream_with_the_library() -> Result<Duration, Failure> {
    let (client, server, connection) = library_pair().await?;
    let start = Instant::now();
    let reader = tokio::spawn(async move {
        let mut line = String::new();
        for _ in 0..STREAMED {
            connection.read_str_into(&mut line).await?;
        }
        Ok::<_, Failure>(line)
    });
    for _ in 0..STREAMED {
        client.write_str(MESSAGE).await?;
    }
    assert_eq!(reader.await??, MESSAGE);
    let elapsed = start.elapsed();
    client.close().await;
    server.close().await;
    Ok(elapsed)
}

async fn stream_with_tokio() -> Result<Duration, Failure> {
    let (mut client, server) = tokio_pair().await?;
    let message = format!("{MESSAGE}\r\n");
    let start = Instant::now();
    let reader = tokio::spawn(async move {
        let mut server = BufReader::new(server);
        let mut line = Vec::new();
        for _ in 0..STREAMED {
            line.clear();
            server.read_until(b'\n', &mut line).await?;
        }
        Ok::<_, Failure>(line)
    });
    for _ in 0..STREAMED {
        client.write_all(message.as_bytes()).await?;
    }
    assert_eq!(reader.await??, message.as_bytes());
    Ok(start.elapsed())
}
