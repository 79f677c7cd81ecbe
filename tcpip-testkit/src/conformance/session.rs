//! A server, and a client of it.

use std::{fmt::Display, time::Duration};

use tcpip_client::Client;
use tcpip_core::endpoint::deadline;
use tcpip_server::{LOCALHOST_IPV4, Server, ServerBuilder, StartError};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{ConformanceProblem, Heard};
use crate::MemoryNetwork;

/// The most that is listened to: a server may never stop.
const MOST_HEARD: usize = 1024 * 1024;

/// So many turns of all tasks are enough for a server to do all that needs no time.
const TURNS: usize = 100;

/// Starts a server in the network that the thread is in.
pub(super) async fn start<B: ServerBuilder>(builder: B) -> Result<B::Server, StartError> {
    builder.host(LOCALHOST_IPV4).port(0).start().await
}

pub(super) struct Session(Client);

impl Session {
    pub(super) async fn connect(network: &MemoryNetwork, server: &impl Server) -> Result<Self, ConformanceProblem> {
        let client = Client::builder(LOCALHOST_IPV4, server.server().port()).network(network);
        client.connect().await.map(Self).map_err(not_served)
    }

    /// Sends it, if the server is still there, and lets it do what needs no time.
    pub(super) async fn send(&self, bytes: &[u8]) {
        // What becomes of it is heard.
        let _ = self.0.write(bytes).await;
        settle().await;
    }

    /// Sends it so often, but not if it is not read.
    pub(super) async fn flood(&self, bytes: &[u8], times: usize) {
        for _ in 0..times {
            if self.0.write(bytes).await.is_err() {
                return;
            }
        }
    }

    /// What the server says in that time.
    pub(super) async fn listen(&self, time: Duration) -> Heard {
        let deadline = Instant::now() + deadline(time);
        let mut heard = Heard::default();
        while heard.bytes.len() < MOST_HEARD {
            match timeout_at(deadline, self.0.read(MOST_HEARD - heard.bytes.len())).await {
                Ok(Ok(bytes)) => heard.bytes.extend(bytes),
                Ok(Err(_)) => {
                    heard.has_ended = true;
                    break;
                }
                Err(_) => break,
            }
        }
        heard
    }

    pub(super) async fn hang_up(self) {
        self.0.close().await;
        settle().await;
    }

    pub(super) async fn reset(self) {
        self.0.abort();
        self.0.connection().wait_closed().await;
        settle().await;
    }
}

pub(super) fn not_served(cause: impl Display) -> ConformanceProblem {
    ConformanceProblem::NotServed { cause: cause.to_string() }
}

/// Lets all others do what needs no time.
pub(super) async fn settle() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}
