//! Two runs with one seed give the same bytes at the same virtual times.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tcpip_client::{Backoff, Client, RequestOptions};
use tcpip_server::{
    Admission, ChunkTap, Connection, Direction, HandlerResult, OneClientReadLoopServer, OneClientServer,
    ReadAndDispatch,
};
use tcpip_testkit::{
    FaultGuard, FaultProxy, MemoryNetwork, eventually,
    faults::{self, Fault},
};
use tokio::{
    io::AsyncWriteExt,
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::seeded::{Random, number};

const SECOND: Duration = Duration::from_secs(1);

/// All times are so many of these, so that much happens at the same moment, and an order must be kept.
const STEP: Duration = Duration::from_millis(50);

/// Everything that passed at the devices, and when.
#[derive(Clone, Debug)]
struct Log {
    begin: Instant,
    passed: Arc<Mutex<Vec<Passed>>>,
}

/// Which device, when, from whom, which way, and what.
type Passed = (usize, Duration, Option<std::net::SocketAddr>, Direction, Vec<u8>);

/// Of one device.
struct Tap(usize, Log);

impl ChunkTap for Tap {
    fn chunk(&self, connection: &Connection, direction: Direction, at: Instant, bytes: &[u8]) {
        let passed = (self.0, at - self.1.begin, connection.peer_addr(), direction, bytes.to_vec());
        self.1.passed.lock().unwrap().push(passed);
    }
}

/// A device that is slow, silent, and hangs up, as chance has it.
struct Moody(Mutex<Random>);

impl Moody {
    fn below(&self, below: u32) -> u32 {
        self.0.lock().unwrap().below(below)
    }
}

impl ReadAndDispatch for Moody {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        match self.below(12) {
            0 => Err("it hangs up".into()),
            1 => Ok(()),
            2 => {
                connection.abort();
                Ok(())
            }
            _ => {
                sleep(self.below(5) * STEP).await;
                connection.write_str(&line.repeat(1 + self.below(200) as usize)).await?;
                Ok(())
            }
        }
    }
}

/// All that is drawn on a link.
fn drawn_faults(proxy: &FaultProxy, seed: u64) -> [FaultGuard; 6] {
    let resets = || faults::reset_after(5 * SECOND);
    [
        proxy.add(faults::latency(STEP / 10).jitter(STEP / 2, seed)),
        proxy.add(faults::loss(0.02, seed).burst(0.5)),
        proxy.to_client().add(faults::random_slices(seed)),
        proxy.to_client().add(faults::messages("\r\n", faults::flip_bits(1).seed(seed)).probability(0.1, seed)),
        proxy.to_server().add(faults::double().probability(0.1, seed)),
        proxy.add(faults::sessions(resets).probability(0.5, seed)),
    ]
}

/// What devices, links, faulty ways, impatient callers and strangers do to each other within some seconds.
async fn some_seconds(seed: u32) -> Vec<Passed> {
    let network = MemoryNetwork::new();
    let _entered = network.enter();
    network.link("device").latency(STEP).window(500);
    let log = Log { begin: Instant::now(), passed: Arc::default() };
    let (mut servers, mut proxies, mut tasks) = (Vec::new(), Vec::new(), JoinSet::new());
    for number in 0..2 {
        let moody = Moody(Mutex::new(Random(seed + number)));
        let builder = OneClientReadLoopServer::builder(moody).host("device").port(0).admission(Admission::Replace);
        let tap = Arc::new(Tap(servers.len(), log.clone()));
        servers.push(builder.max_heartbeat_interval(3 * SECOND).tap_chunks(tap).start().await.unwrap());
    }
    for (number, server) in servers.iter().enumerate() {
        let seed = seed + 100 * u32::try_from(number).unwrap();
        let proxy = FaultProxy::to("device", server.port()).start().await.unwrap();
        let client = Client::builder(proxy.host(), proxy.port()).heartbeat_interval(SECOND);
        proxies.push((drawn_faults(&proxy, seed.into()), proxy));
        let backoff = Backoff::exponential(SECOND / 10, SECOND).seed(seed.into());
        let options = RequestOptions::new().reply_timeout(5 * STEP);
        let link = Arc::new(client.link().backoff(backoff).requests(options).start());
        for caller in 0..3 {
            let (link, mut random) = (Arc::clone(&link), Random(seed + caller));
            tasks.spawn(async move {
                for number in 0..1000 {
                    // Each may fail; what comes of it is in the log.
                    let _ = link.ask(format!("{caller} asks {number}")).await;
                    sleep(random.below(6) * STEP).await;
                }
            });
        }
        let (network, port, mut random) = (network.clone(), server.port(), Random(seed + 7));
        tasks.spawn(async move {
            loop {
                sleep(random.below(180) * STEP).await;
                let mut stranger = network.connect("device", port).await.unwrap();
                let _ = stranger.write_all(b"who is there?\r\n").await;
            }
        });
    }
    sleep(40 * SECOND).await;
    tasks.shutdown().await;
    for server in servers {
        eventually(server.close()).await;
    }
    std::mem::take(&mut log.passed.lock().unwrap())
}

fn run(seed: u32) -> Vec<Passed> {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(some_seconds(seed))
}

/// Runs with one seed are the same to the byte and the nanosecond, whatever the machine does meanwhile; another seed is
/// another run. `TCPIP_RUNS=100` compares so many.
#[test]
fn two_runs_with_one_seed_are_the_same() {
    let first = run(7);
    assert!(first.len() > 150, "{} chunks are few", first.len());
    for time in 1..number("TCPIP_RUNS", 5) {
        let again = run(7);
        let differs = first.iter().zip(&again).position(|(first, again)| first != again);
        assert_eq!(differs, None, "run {time}: {:?}", differs.map(|place| (&first[place], &again[place])));
        assert_eq!(first.len(), again.len(), "run {time}");
    }
    assert_ne!(first, run(8));
}

/// For hours a session is kept by its heartbeats, each of which comes at its second, and ends when they end.
/// `TCPIP_HOURS=24` takes a day.
#[test_log::test(tokio::test(start_paused = true))]
async fn heartbeats_keep_a_session_for_hours() {
    let _entered = MemoryNetwork::new().enter();
    let log = Log { begin: Instant::now(), passed: Arc::default() };
    let builder = OneClientServer::builder().host("device").port(1).max_heartbeat_interval(2 * SECOND);
    let server = builder.tap_chunks(Arc::new(Tap(0, log.clone()))).start().await.unwrap();
    let client = Client::builder("device", 1).heartbeat_interval(SECOND).connect().await.unwrap();
    let session = server.wait_connected().await.unwrap();
    let seconds = number("TCPIP_HOURS", 1) * 3600;
    let reading = tokio::spawn(async move { session.read_str().await });
    sleep(seconds * SECOND).await;
    assert!(client.is_connected() && server.is_connected() && !reading.is_finished());
    let passed = std::mem::take(&mut *log.passed.lock().unwrap());
    assert!(passed.len() >= seconds as usize, "{} heartbeats are few", passed.len());
    for (number, (_, at, _, direction, bytes)) in passed.iter().enumerate() {
        assert_eq!((*direction, bytes.as_slice()), (Direction::Received, &b"heartbeat\r\n"[..]));
        assert_eq!(*at, u32::try_from(number).unwrap() * SECOND);
    }
    client.close().await;
    eventually(reading).await.unwrap().unwrap_err();
}
