//! The tasks of a proxy.

use std::{
    future::{pending, poll_fn},
    mem::MaybeUninit,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use tcpip_core::NetworkStream;
use tokio::{
    io::ReadBuf,
    select,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    ProxyTap,
    dial::Target,
    fault_guard::{Faults, Settings},
    gate::{Arrival, Gate},
    peer::Peer,
    pump::{Ending, Listeners, Pump},
};
use crate::transcript::proxied::Recording;

/// How long a proxy waits before it accepts again what could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// How long what a peer sends is still read that has been given the end of the stream: a socket that is closed with
/// unread input sends a reset, which may overtake the end.
const LINGER: Duration = Duration::from_secs(1);

/// What the sessions of a proxy have in common.
#[derive(Clone)]
pub(super) struct Sessions {
    pub(super) target: Target,
    pub(super) window: usize,
    pub(super) tap: Option<Arc<dyn ProxyTap>>,
    pub(super) recording: Recording,
    pub(super) faults: Faults,
}

/// The task that accepts, and has a task for each session.
pub(super) struct Serving {
    gate: Arc<Gate>,
    sessions: Sessions,
    tasks: JoinSet<()>,
    count: u64,
}

impl Serving {
    /// Begins. It ends once `true` is sent, and then the channel has no receiver any more.
    pub(super) fn begin(gate: Arc<Gate>, sessions: Sessions) -> watch::Sender<bool> {
        let (closing, is_closing) = watch::channel(false);
        let serving = Self { gate, sessions, tasks: JoinSet::new(), count: 0 };
        tokio::spawn(serving.run(is_closing));
        closing
    }

    async fn run(mut self, mut is_closing: watch::Receiver<bool>) {
        loop {
            select! {
                biased;
                () = until_true(&mut is_closing) => break,
                Some(_) = self.tasks.join_next() => {}
                arrival = poll_fn(|context| self.gate.poll_accept(context)) => match arrival {
                    Ok(arrival) => self.begin_session(arrival),
                    Err(error) => {
                        tracing::info!("the proxy could not accept a client, and tries again: {error}");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        self.tasks.shutdown().await;
    }

    fn begin_session(&mut self, arrival: Arrival) {
        self.count += 1;
        let settings = self.sessions.faults.subscribe();
        let resets = settings.borrow().resets;
        let session = Session { number: self.count, sessions: self.sessions.clone(), settings, resets };
        self.tasks.spawn(session.run(arrival));
    }
}

/// A session, from being accepted on.
struct Session {
    number: u64,
    sessions: Sessions,
    settings: watch::Receiver<Settings>,
    /// How often all sessions had been reset when it began.
    resets: u64,
}

impl Session {
    async fn run(self, arrival: Arrival) {
        match arrival {
            Arrival::Serve(client) => self.serve(client).await,
            Arrival::ServeAfter(until, client) => self.serve_after(until, client).await,
            Arrival::Reset(client) => Peer::new(client).reset(),
            Arrival::End(client) => {
                let client = Peer::new(client);
                let _ = poll_fn(|context| client.poll_end(context)).await;
                linger(&client).await;
            }
        }
    }

    /// Says nothing until the other end of the channel is dropped.
    async fn serve_after(mut self, mut until: watch::Receiver<()>, client: NetworkStream) {
        select! {
            biased;
            () = self.reset_now() => Peer::new(client).reset(),
            _ = until.changed() => self.serve(client).await,
        }
    }

    async fn serve(mut self, client: NetworkStream) {
        let client = Peer::new(client);
        let target = self.sessions.target.clone();
        let server = select! {
            biased;
            () = self.reset_now() => None,
            // A client that is gone needs no server. One that has ended its direction may wait for a reply.
            () = client.failed() => None,
            server = target.dial() => server.inspect_err(|error| {
                let Target { host, port, .. } = &target;
                tracing::info!("the proxy resets a client, since {host}:{port} cannot be reached: {error}");
            }).ok(),
        };
        let Some(server) = server else { return client.reset() };
        let server = Peer::new(server);
        match self.pass(&client, &server).await {
            Ending::Done => {
                tokio::join!(biased; linger(&client), linger(&server));
            }
            Ending::Reset => {
                client.reset();
                server.reset();
            }
        }
    }

    /// Passes on what comes, until both directions have ended, or one is reset.
    async fn pass(&mut self, client: &Peer, server: &Peer) -> Ending {
        let Sessions { target, window, tap, recording, faults } = self.sessions.clone();
        let listeners = Listeners { tap, recording: recording.session(target.port) };
        let mut pump = Pump::new(self.number, [client, server], window, listeners, faults.subscribe());
        let mut changes = faults.subscribe();
        loop {
            select! {
                biased;
                () = self.reset_now() => {
                    pump.cut();
                    return Ending::Reset;
                }
                // The pump looks at it itself.
                _ = changes.changed() => {}
                ending = poll_fn(|context| pump.poll(context)) => return ending,
            }
        }
    }

    /// Waits until all sessions are to be reset that were there.
    async fn reset_now(&mut self) {
        let resets = self.resets;
        if self.settings.wait_for(|settings| settings.resets != resets).await.is_err() {
            pending::<()>().await;
        }
    }
}

async fn until_true(is_closing: &mut watch::Receiver<bool>) {
    // Without a proxy it is closed as well.
    let _ = is_closing.wait_for(|is_closing| *is_closing).await;
}

/// Reads to the end of the stream, but not for long.
async fn linger(peer: &Peer) {
    let to_the_end = poll_fn(|context| {
        let mut scratch = [MaybeUninit::uninit(); 4096];
        loop {
            let mut buffer = ReadBuf::uninit(&mut scratch);
            match ready!(peer.poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    });
    let _ = timeout(LINGER, to_the_end).await;
}
