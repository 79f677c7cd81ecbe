//! A client that comes back.

mod attempts;
mod closing;
mod groups;
mod handlers;
mod handshakes;
mod requests;

use std::time::Duration;

use tcpip_client::{Backoff, Client, Link, LinkBuilder, LinkError, LinkState, Network, line};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::eventually;
use tokio::{net::TcpListener, sync::watch};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);
const PORT: u16 = 5025;

/// A device that greets, and answers each line with itself.
struct Echo;

impl ReadAndDispatch for Echo {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str("welcome").await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        if line == "hang up" {
            return Err("it was told to".into());
        }
        connection.write_str(&line).await?;
        Ok(())
    }
}

fn link(network: &(impl Network + Clone)) -> LinkBuilder {
    Client::builder("device", PORT)
        .network(network)
        .link()
        .backoff(Backoff::exponential(SECOND, 8 * SECOND).seed(7))
        .handshake(|session| async move {
            assert_eq!(session.receive(line()).await?, "welcome");
            Ok(())
        })
}

async fn serve(network: &(impl Network + Clone)) -> OneClientReadLoopServer<Echo> {
    OneClientReadLoopServer::builder(Echo).network(network).host("device").port(PORT).start().await.unwrap()
}

/// A listener for what a test does by hand in place of a device, and a link to it.
async fn by_hand() -> (TcpListener, LinkBuilder) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, Client::builder("127.0.0.1", port).link())
}

/// With a handshake that waits for a greeting.
fn greeted(link: LinkBuilder) -> LinkBuilder {
    link.handshake(|session| async move {
        session.receive(line()).await?;
        Ok(())
    })
}

/// Why the next attempt fails.
async fn failure(states: &mut watch::Receiver<LinkState>) -> LinkError {
    eventually(async {
        loop {
            if let LinkState::Backoff { error, .. } = next(states).await {
                break error;
            }
        }
    })
    .await
}

/// The state that comes next.
async fn next(states: &mut watch::Receiver<LinkState>) -> LinkState {
    states.changed().await.unwrap();
    states.borrow_and_update().clone()
}

/// The pause behind so many failed attempts, and why the last has failed.
async fn backoff(link: &Link, failed: usize) -> (Duration, LinkError) {
    let is_it = |state: &LinkState| matches!(state, LinkState::Backoff { attempt, .. } if *attempt == failed);
    let mut states = link.states();
    match eventually(states.wait_for(is_it)).await.unwrap().clone() {
        LinkState::Backoff { pause, error, .. } => (pause, error),
        _ => unreachable!(),
    }
}
