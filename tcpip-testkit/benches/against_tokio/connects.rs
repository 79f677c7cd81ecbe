//! Connecting and closing, again and again. The other end is a task of the same thread, the same for both, and measured
//! with it: which end does what, when a connection ends, depends on the other.

use std::net::SocketAddr;

use tcpip_client::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    Failure, one_thread,
    stopwatch::{Scope, Stopwatch, Turn},
};

pub(crate) fn ours(count: usize) -> Result<Turn, Failure> {
    turn(count, async |address| {
        let client = Client::builder(&address.ip().to_string(), address.port()).connect().await?;
        client.close().await;
        Ok(())
    })
}

pub(crate) fn by_hand(count: usize) -> Result<Turn, Failure> {
    turn(count, async |address| {
        let mut stream = TcpStream::connect((address.ip().to_string(), address.port())).await?;
        stream.set_nodelay(true)?;
        stream.shutdown().await?;
        Ok(())
    })
}

fn turn(count: usize, connect_and_close: impl AsyncFn(SocketAddr) -> Result<(), Failure>) -> Result<Turn, Failure> {
    one_thread()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let acceptor = tokio::spawn(async move {
            for _ in 0..count {
                assert_eq!(listener.accept().await?.0.read(&mut [0]).await?, 0);
            }
            Ok::<_, Failure>(())
        });
        let watch = Stopwatch::start(Scope::Thread);
        for _ in 0..count {
            connect_and_close(address).await?;
        }
        acceptor.await??;
        Ok(watch.stop(count))
    })
}
