//! Random sequences of everything that clients, callbacks, handlers and owners do to a server.
//!
//! A process of its own, since it counts descriptors. More sequences, or one of them again:
//!
//! ```text
//! TCPIP_SEQUENCES=20000 cargo test -p tcpip-testkit --test sequences
//! TCPIP_SEQUENCES=1 TCPIP_SEED=12345 cargo test -p tcpip-testkit --test sequences
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tcpip_client::Client;
use tcpip_server::{
    Connection, ConnectionEvent, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch, Server,
    ServerBuilder, Terminator,
};
use tcpip_testkit::eventually;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::watch,
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

const SEQUENCES: u64 = 2000;
const AT_ONCE: u64 = 120;
const CLOSE_TIMEOUT: Duration = Duration::from_millis(60);
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
const DRAIN_TIMEOUT: Duration = Duration::from_millis(20);

/// Nothing here takes so long, on any machine.
const STUCK: Duration = Duration::from_mins(1);

/// Numbers that look random and follow from the seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }

    fn millis(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }
}

/// What a callback does beside noting the event.
#[derive(Clone, Copy, Debug)]
enum Callback {
    Notes,
    Sleeps,
    Panics,
    ClosesTheConnection,
    DropsAWrite,
}

/// One event as it was told.
#[derive(Clone, Debug)]
struct Told {
    connected: bool,
    number: u64,
    peer: SocketAddr,
}

/// Everything that was told, in order.
#[derive(Clone, Debug)]
struct Events {
    told: watch::Sender<Vec<Told>>,
    at_work: Arc<AtomicBool>,
    overlapped: Arc<AtomicBool>,
}

impl Events {
    fn new() -> Self {
        Self { told: watch::Sender::new(Vec::new()), at_work: Arc::default(), overlapped: Arc::default() }
    }

    async fn note(self, event: ConnectionEvent, callback: Callback) {
        if self.at_work.swap(true, Ordering::SeqCst) {
            self.overlapped.store(true, Ordering::SeqCst);
        }
        let connection = event.connection();
        let told = Told {
            connected: event.is_connected(),
            number: connection.number(),
            peer: connection.peer_addr().unwrap(),
        };
        self.told.send_modify(|all| all.push(told));
        match callback {
            Callback::Notes | Callback::Panics => {}
            Callback::Sleeps => sleep(Duration::from_millis(2)).await,
            Callback::ClosesTheConnection => connection.close().await,
            Callback::DropsAWrite => drop(timeout(Duration::ZERO, connection.write(b"hello\r\n")).await),
        }
        self.at_work.store(false, Ordering::SeqCst);
        assert!(!matches!(callback, Callback::Panics), "on purpose");
    }

    /// C1 D1 C2 D2 …
    fn check(&self, seed: u64) {
        let told = self.told.borrow();
        let mut last = 0;
        for pair in told.chunks(2) {
            let [begun, ended] = pair else { panic!("seed {seed}: no end of the last session: {told:?}") };
            let in_order = begun.connected && !ended.connected && begun.number == ended.number && begun.number > last;
            assert!(in_order, "seed {seed}: {told:?}");
            last = begun.number;
        }
        assert!(!self.overlapped.load(Ordering::SeqCst), "seed {seed}: callbacks overlapped");
    }
}

/// Does what each command says.
struct Obedient;

impl ReadAndDispatch for Obedient {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str("welcome").await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_line().await?;
        match line.trim_ascii_end() {
            b"sleep" => sleep(Duration::from_millis(2)).await,
            b"fail" => return Err("on purpose".into()),
            b"panic" => panic!("on purpose"),
            b"close" => connection.close().await,
            b"hang" => std::future::pending().await,
            b"flood" => connection.write(&vec![0; 8 << 20]).await?,
            other => connection.write(other).await?,
        }
        Ok(())
    }

    async fn on_disconnect(&self, connection: &Connection) {
        if connection.number().is_multiple_of(3) {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(!connection.number().is_multiple_of(7), "on purpose");
    }
}

const COMMANDS: &[&[u8]] = &[
    b"echo\r\n",
    b"sleep\r\n",
    b"fail\r\n",
    b"panic\r\n",
    b"close\r\n",
    b"hang\r\n",
    b"half a line",
    b"sleep\necho\n",
    b"flood\r\n",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Dial,
    DialWithTheClient,
    CancelDial,
    Send,
    HangUp,
    HalfClose,
    Reset,
    RedialAtOnce,
    CloseClient,
    CancelCloseClient,
    CloseTwice,
    CancelRead,
    Write,
    Flood,
    ChangeTerminator,
    Pause,
    Yield,
}

const STEPS: &[Step] = &[
    Step::Dial,
    Step::Dial,
    Step::DialWithTheClient,
    Step::CancelDial,
    Step::Send,
    Step::Send,
    Step::Send,
    Step::HangUp,
    Step::HangUp,
    Step::HalfClose,
    Step::Reset,
    Step::RedialAtOnce,
    Step::RedialAtOnce,
    Step::CloseClient,
    Step::CancelCloseClient,
    Step::CloseTwice,
    Step::CancelRead,
    Step::Write,
    Step::Flood,
    Step::ChangeTerminator,
    Step::Pause,
    Step::Yield,
];

/// One sequence: a server, and what is done to it.
struct Sequence<S> {
    seed: u64,
    random: Random,
    server: S,
    address: SocketAddr,
    events: Events,
    streams: Vec<TcpStream>,
    clients: Vec<Client>,
    /// The connections of clients that were dropped, which close in the background.
    leaving: Vec<Connection>,
    /// What the clients' callbacks were told; checked when all is over.
    client_events: Vec<Events>,
}

impl<S: Server> Sequence<S> {
    async fn run(mut self) -> Vec<Events> {
        let mut steps = Vec::new();
        for _ in 0..3 + self.random.below(12) {
            let step = self.random.one_of(STEPS);
            // Floods are expensive, and close clients slowly.
            if step == Step::Flood && self.random.below(4) > 0 {
                continue;
            }
            steps.push(step);
            let done = timeout(STUCK, self.step(step)).await;
            assert!(done.is_ok(), "seed {}: stuck in the last of {steps:?}", self.seed);
        }
        let done = timeout(STUCK, self.end()).await;
        done.unwrap_or_else(|_| panic!("stuck in the end of {steps:?}"))
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Dial => self.dial().await,
            Step::DialWithTheClient => self.dial_with_the_client(None).await,
            Step::CancelDial => self.dial_with_the_client(Some(Duration::ZERO)).await,
            Step::Send => {
                let command = self.random.one_of(COMMANDS);
                if let Some(stream) = self.streams.last_mut() {
                    let _ = stream.write_all(command).await;
                } else if let Some(client) = self.clients.last() {
                    let _ = client.write(command).await;
                }
            }
            Step::HangUp if self.random.below(2) == 0 => {
                self.leaving.extend(self.clients.pop().map(|client| client.connection()));
            }
            Step::HangUp => drop(self.streams.pop()),
            Step::HalfClose => {
                if let Some(stream) = self.streams.last_mut() {
                    let _ = stream.shutdown().await;
                }
            }
            Step::Reset => {
                if let Some(stream) = self.streams.pop() {
                    let _ = stream.set_zero_linger();
                }
            }
            Step::RedialAtOnce => self.redial_at_once().await,
            Step::CloseClient => self.server.server().close_client().await,
            Step::CancelCloseClient => {
                drop(timeout(self.random.millis(2), self.server.server().close_client()).await);
            }
            Step::CloseTwice => {
                tokio::join!(self.server.server().close_client(), self.server.server().basic_close_client());
            }
            Step::CancelRead => drop(timeout(self.random.millis(3), self.server.read_str()).await),
            Step::Write => drop(self.server.write_str("from the owner").await),
            Step::Flood => drop(timeout(self.random.millis(3), self.server.write(&vec![0; 8 << 20])).await),
            Step::ChangeTerminator => {
                let terminator = Terminator::new(self.random.one_of::<&[u8]>(&[b"\n", b"\r\n"])).unwrap();
                self.server.server().set_terminator(terminator).unwrap();
            }
            Step::Pause => sleep(self.random.millis(4)).await,
            Step::Yield => yield_now().await,
        }
    }

    async fn dial(&mut self) {
        self.streams.push(TcpStream::connect(self.address).await.unwrap());
    }

    async fn dial_with_the_client(&mut self, within: Option<Duration>) {
        let events = Events::new();
        let callback = self.random.one_of(&[Callback::Notes, Callback::Panics, Callback::ClosesTheConnection]);
        let noting = events.clone();
        let connecting = Client::builder(&self.address.ip().to_string(), self.address.port())
            .close_timeout(CLOSE_TIMEOUT)
            .drain_timeout(DRAIN_TIMEOUT)
            .connect_callback(move |event| noting.clone().note(event, callback))
            .connect();
        self.client_events.push(events);
        let connected = match within {
            Some(within) => timeout(within, connecting).await.ok(),
            None => Some(connecting.await),
        };
        if let Some(Ok(client)) = connected {
            self.clients.push(client);
        }
    }

    /// Whoever was there hangs up, and then somebody dials: that one is admitted.
    async fn redial_at_once(&mut self) {
        self.leaving.extend(self.clients.drain(..).map(|client| client.connection()));
        while let Some(connection) = self.leaving.pop() {
            connection.wait_closed().await;
        }
        self.streams.clear();
        self.dial().await;
        let local = self.streams.last().unwrap().local_addr().unwrap();
        let mut told = self.events.told.subscribe();
        let admitted = told.wait_for(|told| told.iter().any(|told| told.peer == local));
        let admitted = timeout(STUCK, admitted).await.is_ok();
        assert!(admitted, "seed {}: a client that dials when nobody is there is refused", self.seed);
    }

    /// Closes the server in one way or another, and checks what is left.
    async fn end(mut self) -> Vec<Events> {
        match self.random.below(4) {
            0 => drop(timeout(self.random.millis(3), self.server.server().close()).await),
            1 => {
                let server = self.server.server();
                tokio::join!(server.close(), server.basic_close(), server.close_client());
            }
            2 => {
                self.streams.clear();
                self.clients.clear();
                self.server.server().close().await;
            }
            _ => self.server.server().close().await,
        }
        let server = self.server.server();
        server.wait_closed().await;
        server.callbacks_done().await;
        self.events.check(self.seed);
        assert!(server.wait_connected().await.is_none(), "seed {}", self.seed);
        assert!(!server.is_connected() && server.connection().is_closed(), "seed {}", self.seed);
        std::net::TcpListener::bind(self.address).unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        for client in &self.clients {
            client.close().await;
        }
        self.client_events
    }
}

async fn run_sequence(seed: u64, host: Ipv4Addr) {
    let mut random = Random(seed);
    let events = Events::new();
    let noting = events.clone();
    let callback = random.one_of(&[
        Callback::Notes,
        Callback::Notes,
        Callback::Sleeps,
        Callback::Panics,
        Callback::ClosesTheConnection,
        Callback::DropsAWrite,
    ]);
    let callback = move |event| noting.clone().note(event, callback);
    let client_events = if random.below(2) == 0 {
        let builder = OneClientServer::builder().close_timeout(CLOSE_TIMEOUT).drain_timeout(DRAIN_TIMEOUT);
        let builder = builder.write_timeout(WRITE_TIMEOUT);
        start(seed, random, builder.connect_callback(callback), host, events).await.run().await
    } else {
        let builder =
            OneClientReadLoopServer::builder(Obedient).close_timeout(CLOSE_TIMEOUT).write_timeout(WRITE_TIMEOUT);
        start(seed, random, builder.connect_callback(callback), host, events).await.run().await
    };
    // With the last of its clients gone, each of their callbacks comes to its end.
    for events in client_events {
        let mut told = events.told.subscribe();
        let all = timeout(STUCK, told.wait_for(|told| told.len().is_multiple_of(2))).await;
        assert!(all.is_ok(), "seed {seed}: a client's callback lacks the end: {events:?}");
        events.check(seed);
    }
}

async fn start<B: ServerBuilder>(
    seed: u64,
    random: Random,
    builder: B,
    host: Ipv4Addr,
    events: Events,
) -> Sequence<B::Server> {
    let server = builder.host(&host.to_string()).start().await.unwrap();
    let address = server.server().local_addrs()[0];
    Sequence {
        seed,
        random,
        server,
        address,
        events,
        streams: Vec::new(),
        clients: Vec::new(),
        leaving: Vec::new(),
        client_events: Vec::new(),
    }
}

fn from_environment(name: &str, default: impl FnOnce() -> u64) -> u64 {
    std::env::var(name).map_or_else(|_| default(), |value| value.parse().unwrap())
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Whatever is done to it, a server tells C1 D1 C2 D2 …, closes within its deadline, and leaves no task, no descriptor
/// and no port.
#[test_log::test]
fn every_session_begins_and_ends_once_in_order_and_nothing_is_left() {
    let sequences = from_environment("TCPIP_SEQUENCES", || SEQUENCES);
    let first_seed = from_environment("TCPIP_SEED", || {
        let now = std::process::id();
        u64::from(now) << 32
    });
    println!("seeds from {first_seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    // What the runtime itself keeps open is no leak.
    runtime.block_on(run_sequence(0, Ipv4Addr::new(127, 77, 255, 1)));
    runtime.block_on(async { eventually(|| runtime.metrics().num_alive_tasks() == 0).within(STUCK).await });
    let before = descriptors();

    let next = Arc::new(AtomicU64::new(0));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for lane in 0..AT_ONCE {
            let next = Arc::clone(&next);
            // An address of its own, so that a port that is free again stays so.
            let host = Ipv4Addr::new(127, 77, 1, u8::try_from(lane + 1).unwrap());
            tasks.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= sequences {
                        return;
                    }
                    run_sequence(first_seed + index, host).await;
                }
            });
        }
        while let Some(result) = tasks.join_next().await {
            result.unwrap();
        }
    });
    let alive = || runtime.metrics().num_alive_tasks();
    runtime.block_on(async { eventually(|| alive() == 0).within(STUCK).await });
    runtime.block_on(async { eventually(|| descriptors() <= before).within(STUCK).await });
}
