//! A proxy between two ends, beside `copy_bidirectional`: a round trip with no fault on, and a flood with recording and
//! a fault of no delay on.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream as BlockingStream},
    thread,
    time::Duration,
};

use tcpip_testkit::{FaultProxy, Record, Transcript, faults};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{
    Failure,
    frames::{Frames, LARGE, TEXT},
    one_thread,
    other_end::OtherEnd,
    ping_pong::Rally,
    stopwatch::{Scope, Stopwatch, Turn},
};

const LENGTH: usize = TEXT + 2;

/// So many round trips through the proxy.
pub(crate) async fn ours(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = FaultProxy::to("127.0.0.1", listener.local_addr()?.port()).start().await?;
    rally(count, scope, listener, proxy.local_addr()).await
}

/// The same through `copy_bidirectional`.
pub(crate) async fn by_hand(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = TcpListener::bind("127.0.0.1:0").await?;
    let (address, target) = (proxy.local_addr()?, listener.local_addr()?);
    tokio::spawn(async move { copy_one(&proxy, target).await });
    rally(count, scope, listener, address).await
}

async fn copy_one(proxy: &TcpListener, target: SocketAddr) -> io::Result<()> {
    let (mut client, _) = proxy.accept().await?;
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn rally(count: usize, scope: Scope, listener: TcpListener, address: SocketAddr) -> Result<Turn, Failure> {
    let echo = tokio::spawn(async move {
        let (mut server, _) = listener.accept().await?;
        server.set_nodelay(true)?;
        let mut message = [0; LENGTH];
        while server.read_exact(&mut message).await.is_ok() {
            server.write_all(&message).await?;
        }
        Ok::<_, Failure>(())
    });
    let mut client = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    let (message, mut reply) = ([b'x'; LENGTH], [0; LENGTH]);
    let mut rally = Rally::start(count, scope);
    for _ in 0..count {
        client.write_all(&message).await?;
        client.read_exact(&mut reply).await?;
        rally.round_trip_done();
    }
    let turn = rally.stop();
    assert_eq!(reply, message);
    drop(client);
    echo.await??;
    Ok(turn)
}

/// So often 16 MiB from one thread to another through the proxy.
pub(crate) fn flood_ours(count: usize) -> Result<Turn, Failure> {
    flood(count, async |target, sending| {
        let proxy = FaultProxy::to("127.0.0.1", target.port()).record(&Transcript::new()).start().await?;
        let _fault = proxy.add(faults::latency(Duration::ZERO));
        sending(proxy.local_addr()).await?;
        Ok(())
    })
}

/// The same through `copy_bidirectional`.
pub(crate) fn flood_by_hand(count: usize) -> Result<Turn, Failure> {
    flood(count, async |target, sending| {
        let proxy = TcpListener::bind("127.0.0.1:0").await?;
        let sent = sending(proxy.local_addr()?);
        copy_one(&proxy, target).await?;
        sent.await?;
        Ok(())
    })
}

fn flood(
    count: usize,
    forward: impl AsyncFnOnce(SocketAddr, &dyn Fn(SocketAddr) -> oneshot::Receiver<()>) -> Result<(), Failure>,
) -> Result<Turn, Failure> {
    let frames = Frames::single(LARGE);
    let reader = OtherEnd::reads(frames.bytes(), count * LARGE)?;
    let turn = one_thread()?.block_on(async {
        let watch = Stopwatch::start(Scope::Thread);
        forward(reader.address(), &|proxy| send(frames.bytes().to_vec(), count, proxy)).await?;
        Ok::<_, Failure>(watch.stop(count))
    })?;
    reader.finish()?;
    Ok(turn)
}

/// Has a thread send, which tells when it has found the end.
fn send(bytes: Vec<u8>, count: usize, proxy: SocketAddr) -> oneshot::Receiver<()> {
    let (done, is_done) = oneshot::channel();
    thread::spawn(move || {
        let mut stream = BlockingStream::connect(proxy)?;
        (0..count).try_for_each(|_| stream.write_all(&bytes))?;
        stream.shutdown(Shutdown::Write)?;
        stream.read(&mut [0]).map(drop)?;
        // Nobody may be left to be told.
        let _ = done.send(());
        Ok::<_, io::Error>(())
    });
    is_done
}
