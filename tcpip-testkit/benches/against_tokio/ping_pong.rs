//! Ping-pong: one message in flight, both ends measured, since they share the thread or the runtime.

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use tcpip_client::{
    Batch, Client, ClientBuilder, Commands, HandlerError, Kind, Phase, Protocol, RequestOptions, Requester, WriteError,
};
use tcpip_server::{ClientOrServer, Connection, OneClientServer, Terminator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
};
use tokio_stream::StreamExt;
use tokio_util::codec::{Framed, LinesCodec};

use crate::{
    Failure,
    frames::TEXT,
    measuring::Run,
    one_thread,
    stopwatch::{Scope, Stopwatch, Turn},
};

/// How long a reply may take: as for a request, unless something else is said.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);

/// A turn of so many round trips, measured in a scope.
type PingPong<F> = fn(usize, Scope) -> F;

pub(crate) fn on_one_thread<F: Future<Output = Result<Turn, Failure>> + 'static>(turn: PingPong<F>) -> Run {
    Box::new(move |count| one_thread()?.block_on(turn(count, Scope::Thread)))
}

pub(crate) fn on_two_threads<F>(turn: PingPong<F>) -> Run
where
    F: Future<Output = Result<Turn, Failure>> + Send + 'static,
{
    Box::new(move |count| {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(runtime.spawn(turn(count, Scope::Process)))?
    })
}

/// Measures the round trips one by one, and together.
pub(crate) struct Rally {
    watch: Stopwatch,
    latencies: Vec<Duration>,
    last: Instant,
}

impl Rally {
    pub(crate) fn start(count: usize, scope: Scope) -> Self {
        let latencies = Vec::with_capacity(count);
        Self { watch: Stopwatch::start(scope), latencies, last: Instant::now() }
    }

    pub(crate) fn round_trip_done(&mut self) {
        let now = Instant::now();
        self.latencies.push(now - self.last);
        self.last = now;
    }

    pub(crate) fn stop(self) -> Turn {
        let turn = self.watch.stop(self.latencies.len());
        Turn { latencies: self.latencies, ..turn }
    }
}

/// The library at both ends, lines into one `String`.
pub(crate) async fn ours(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let text = "x".repeat(TEXT);
    let (server, client) = library_pair(b"\r\n".into(), async |client| Ok(client.connect().await?)).await?;
    let echo = tokio::spawn(async move {
        let (connection, mut line) = (server.connection(), String::new());
        while connection.read_str_into(&mut line).await.is_ok() {
            connection.write_str(&line).await?;
        }
        Ok::<_, Failure>(())
    });
    let (connection, mut line) = (client.connection(), String::new());
    let mut rally = Rally::start(count, scope);
    for _ in 0..count {
        connection.write_str(&text).await?;
        connection.read_str_into(&mut line).await?;
        rally.round_trip_done();
    }
    let turn = rally.stop();
    assert_eq!(line, text);
    client.close().await;
    echo.await??;
    Ok(turn)
}

/// `write_all` and `read_exact` at both ends, which know how long the messages are.
pub(crate) async fn raw(count: usize, scope: Scope) -> Result<Turn, Failure> {
    const LENGTH: usize = TEXT + 2;
    let (mut server, mut client) = tokio_pair().await?;
    let echo = tokio::spawn(async move {
        let mut message = [0; LENGTH];
        while server.read_exact(&mut message).await.is_ok() {
            server.write_all(&message).await?;
        }
        Ok::<_, Failure>(())
    });
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

/// The library at both ends, each line a `String` of its own. It ends with `\n`, as `LinesCodec` writes it.
pub(crate) async fn ours_owned(count: usize, scope: Scope) -> Result<Turn, Failure> {
    rally_of_strings(count, scope, requester, async |client, text| {
        client.connection().write_str(text).await?;
        Ok(client.connection().read_str().await?)
    })
    .await
}

/// The same, with a deadline for each reply, as a request has.
pub(crate) async fn ours_owned_in_time(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let in_time = async |client: ClientBuilder| requester(client.read_timeout(REPLY_TIMEOUT)).await;
    rally_of_strings(count, scope, in_time, async |client, text| {
        client.connection().write_str(text).await?;
        Ok(client.connection().read_str().await?)
    })
    .await
}

/// The same by a requester.
pub(crate) async fn ours_asking(count: usize, scope: Scope) -> Result<Turn, Failure> {
    rally_of_strings(count, scope, requester, async |client, text| Ok(client.ask(text).await?)).await
}

/// The same by commands, whose replies a handler reads.
pub(crate) async fn ours_commanding(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let commanding = async |client: ClientBuilder| Ok(client.connect_with(Commands::new(Lines).in_flight(1)).await?);
    rally_of_strings(count, scope, commanding, async |client, text| Ok(client.handler().run(text).await?)).await
}

/// Each line is answered by a line.
struct Lines;

impl Protocol for Lines {
    type Command = str;
    type Frame = String;
    type Id = ();

    fn id(&self, _number: u64) {}

    fn write(&self, _id: &(), command: &str, message: &mut Batch) -> Result<(), WriteError> {
        message.write_str(command).map(drop)
    }

    async fn read(&self, connection: &Connection) -> Result<String, HandlerError> {
        Ok(connection.read_str().await?)
    }

    fn classify(&self, _frame: &String) -> Kind<()> {
        Kind::next(Phase::Done)
    }
}

async fn requester(client: ClientBuilder) -> Result<Requester, Failure> {
    Ok(Requester::new(client.connect().await?, RequestOptions::new()))
}

async fn rally_of_strings<C>(
    count: usize,
    scope: Scope,
    connect: impl AsyncFnOnce(ClientBuilder) -> Result<C, Failure>,
    ask: impl AsyncFn(&C, &str) -> Result<String, Failure>,
) -> Result<Turn, Failure> {
    let text = "x".repeat(TEXT + 1);
    let (server, client) = library_pair(b"\n".into(), connect).await?;
    let echo = tokio::spawn(async move {
        let connection = server.connection();
        while let Ok(line) = connection.read_str().await {
            connection.write_str(&line).await?;
        }
        Ok::<_, Failure>(())
    });
    let mut rally = Rally::start(count, scope);
    for _ in 0..count {
        let line = ask(&client, &text).await?;
        rally.round_trip_done();
        assert_eq!(line, text);
    }
    let turn = rally.stop();
    drop(client);
    echo.await??;
    Ok(turn)
}

/// `Framed<LinesCodec>` at both ends.
pub(crate) async fn framed(count: usize, scope: Scope) -> Result<Turn, Failure> {
    let text = "x".repeat(TEXT + 1);
    let (server, client) = tokio_pair().await?;
    let echo = tokio::spawn(async move {
        let mut lines = Framed::new(server, LinesCodec::new());
        while let Some(line) = lines.next().await {
            lines.send(line?).await?;
        }
        Ok::<_, Failure>(())
    });
    let mut lines = Framed::new(client, LinesCodec::new());
    let mut rally = Rally::start(count, scope);
    for _ in 0..count {
        lines.send(&text).await?;
        let line = lines.next().await.ok_or("the end")??;
        rally.round_trip_done();
        assert_eq!(line, text);
    }
    let turn = rally.stop();
    drop(lines);
    echo.await??;
    Ok(turn)
}

async fn library_pair<C>(
    terminator: Terminator,
    connect: impl AsyncFnOnce(ClientBuilder) -> Result<C, Failure>,
) -> Result<(OneClientServer, C), Failure> {
    let server = OneClientServer::builder().terminator(terminator.clone()).start().await?;
    let client = connect(Client::builder(server.host(), server.port()).terminator(terminator)).await?;
    server.wait_connected().await.ok_or("the server is closed")?;
    Ok((server, client))
}

async fn tokio_pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((server, client))
}
