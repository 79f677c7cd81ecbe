//! Connecting and closing, again and again; another thread accepts.

use tcpip_client::Client;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    Failure, one_thread,
    other_end::OtherEnd,
    stopwatch::{Scope, Stopwatch, Turn},
};

pub(crate) fn ours(count: usize) -> Result<Turn, Failure> {
    let acceptor = OtherEnd::accepts(count)?;
    let (host, port) = (acceptor.address().ip().to_string(), acceptor.address().port());
    let turn = one_thread()?.block_on(async {
        let watch = Stopwatch::start(Scope::Thread);
        for _ in 0..count {
            Client::builder(&host, port).connect().await?.close().await;
        }
        Ok::<_, Failure>(watch.stop(count))
    })?;
    acceptor.finish()?;
    Ok(turn)
}

pub(crate) fn by_hand(count: usize) -> Result<Turn, Failure> {
    let acceptor = OtherEnd::accepts(count)?;
    let (host, port) = (acceptor.address().ip().to_string(), acceptor.address().port());
    let turn = one_thread()?.block_on(async {
        let watch = Stopwatch::start(Scope::Thread);
        for _ in 0..count {
            let mut stream = TcpStream::connect((&*host, port)).await?;
            stream.set_nodelay(true)?;
            stream.shutdown().await?;
        }
        Ok::<_, Failure>(watch.stop(count))
    })?;
    acceptor.finish()?;
    Ok(turn)
}
