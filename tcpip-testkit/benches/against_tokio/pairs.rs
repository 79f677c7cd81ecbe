//! Many read-loop servers with a client each, all in a process of their own: how long it takes to make such a pair, how
//! long a round trip takes, and how much memory stays resident.

use std::{
    env, fs,
    process::{Command, Stdio},
    time::Duration,
};

use tcpip_client::{Client, ClientOrServer};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{
    Failure,
    frames::TEXT,
    one_thread,
    stopwatch::{Scope, Stopwatch, Turn, count},
};

/// The argument by which this program is run again for one side.
pub(crate) const ARGUMENT: &str = "--pairs";

/// Each pair takes three descriptors: the listener and both ends.
const DESCRIPTORS: usize = 3;

/// Fewer would not be measured well.
const FEWEST_ROUND_TRIPS: usize = 2000;

/// How large the buffers by hand are: an eighth of what `BufReader` has by itself.
const BUFFER: usize = 1024;

/// What a process of its own has found out.
pub(crate) struct Pairs {
    pub(crate) making: Turn,
    /// A round trip, while all pairs take turns.
    pub(crate) round_trip: Duration,
}

/// Starts a process that makes so many pairs: by the library or by hand.
pub(crate) fn in_a_process(side: &str, pairs: usize) -> Result<Pairs, Failure> {
    let mut command = Command::new(env::current_exe()?);
    let output = command.args([ARGUMENT, side, &pairs.to_string()]).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [elapsed, processor, round_trip, resident] = numbers[..] else {
        return Err(format!("the process with {pairs} pairs failed").into());
    };
    let making = Turn {
        units: pairs,
        elapsed: Duration::from_secs_f64(elapsed),
        processor: (processor > 0.0).then(|| Duration::from_secs_f64(processor)),
        wake_ups: None,
        latencies: Vec::new(),
        resident: Some(resident / count(pairs)),
    };
    Ok(Pairs { making, round_trip: Duration::from_secs_f64(round_trip) })
}

/// As many pairs as are wished for, or as the system allows.
pub(crate) fn possible(pairs: usize) -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    files.map_or(pairs, |files| pairs.min(files.saturating_sub(100) / DESCRIPTORS))
}

/// What the process does. Prints the seconds of making, these of the processor, those of a round trip, and the
/// resident bytes.
pub(crate) fn run(side: &str, pairs: usize) -> Result<(), Failure> {
    one_thread()?.block_on(async {
        if side == "ours" { measure::<ByTheLibrary>(pairs).await } else { measure::<ByHand>(pairs).await }
    })
}

/// A server with its client.
trait Pair: Sized {
    async fn make() -> Result<Self, Failure>;
    async fn round_trip(&mut self) -> Result<(), Failure>;
    fn abort(self) -> Result<(), Failure>;
}

async fn measure<P: Pair>(pairs: usize) -> Result<(), Failure> {
    let mut all = Vec::with_capacity(pairs);
    let resident_before = resident()?;
    let watch = Stopwatch::start(Scope::Thread);
    for _ in 0..pairs {
        let mut pair = P::make().await?;
        pair.round_trip().await?;
        all.push(pair);
    }
    let making = watch.stop(pairs);
    let rounds = (FEWEST_ROUND_TRIPS / pairs).max(1);
    let watch = Stopwatch::start(Scope::Thread);
    for _ in 0..rounds {
        for pair in &mut all {
            pair.round_trip().await?;
        }
    }
    let round_trips = watch.stop(rounds * pairs);
    let resident = resident()? - resident_before;
    let processor = making.processor.unwrap_or_default().as_secs_f64();
    println!("{} {processor} {} {resident}", making.elapsed.as_secs_f64(), round_trips.seconds_each());
    // A reset leaves no port behind that waits for late packets: there are not enough of them.
    all.into_iter().try_for_each(Pair::abort)
}

/// The resident memory of this process in bytes.
fn resident() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(1024.0 * line.trim().trim_end_matches(" kB").parse::<f64>()?)
}

struct Echo;

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        Ok(connection.write_str(&line).await?)
    }
}

struct ByTheLibrary {
    _server: OneClientReadLoopServer<Echo>,
    client: Client,
}

impl Pair for ByTheLibrary {
    async fn make() -> Result<Self, Failure> {
        let server = OneClientReadLoopServer::builder(Echo).start().await?;
        let client = Client::builder(server.host(), server.port()).connect().await?;
        Ok(Self { _server: server, client })
    }

    async fn round_trip(&mut self) -> Result<(), Failure> {
        let (connection, text) = (self.client.connection(), "x".repeat(TEXT));
        connection.write_str(&text).await?;
        assert_eq!(connection.read_str().await?, text);
        Ok(())
    }

    fn abort(self) -> Result<(), Failure> {
        self.client.abort();
        Ok(())
    }
}

struct ByHand {
    client: TcpStream,
}

/// Serves one client after another.
async fn serve(listener: TcpListener) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (mut stream, mut line) = (BufReader::with_capacity(BUFFER, stream), String::new());
        while stream.read_line(&mut line).await? > 0 {
            stream.write_all(line.as_bytes()).await?;
            line.clear();
        }
    }
}

impl Pair for ByHand {
    async fn make() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener));
        let client = TcpStream::connect(address).await?;
        client.set_nodelay(true)?;
        Ok(Self { client })
    }

    /// The buffer lives no longer than the reply, and so takes no memory at rest.
    async fn round_trip(&mut self) -> Result<(), Failure> {
        let (text, mut reply) = (format!("{}\r\n", "x".repeat(TEXT)), String::new());
        self.client.write_all(text.as_bytes()).await?;
        BufReader::with_capacity(BUFFER, &mut self.client).read_line(&mut reply).await?;
        assert_eq!(reply, text);
        Ok(())
    }

    fn abort(self) -> Result<(), Failure> {
        Ok(self.client.set_zero_linger()?)
    }
}
