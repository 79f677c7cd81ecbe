//! The end of a link, and of its sessions.

use std::sync::{Arc, OnceLock};

use tcpip_client::{Client, DisconnectReason, Filter, LinkState, Requester};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::Instant,
};

use super::{PORT, TICK, failure, greeted, link, next, serve};

/// It is closed in any state, within its deadline; so it is when it is dropped.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_is_closed_in_any_state() {
    let network = MemoryNetwork::new();
    let waiting = link(&network).start();
    let mut states = waiting.states();
    failure(&mut states).await;
    let begin = Instant::now();
    waiting.close().await;
    assert!(begin.elapsed() < TICK);
    let server = serve(&network).await;
    let shaking = link(&network).handshake(|_| std::future::pending()).start();
    let mut states = shaking.states();
    while !matches!(next(&mut states).await, LinkState::Handshaking) {}
    shaking.close().await;
    let dropped = link(&network).connect().await.unwrap();
    let connection = dropped.connection();
    let mut states = dropped.states();
    drop(dropped);
    states.wait_for(LinkState::is_final).await.unwrap();
    assert_eq!(connection.reason(), Some(DisconnectReason::Closed));
    server.close().await;
}

/// A filter that looks at the link as it is dropped.
struct Looks {
    link: Arc<OnceLock<Requester>>,
    told: UnboundedSender<Option<DisconnectReason>>,
}

impl Filter for Looks {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _: &mut Vec<u8>) {
        input.extend_from_slice(chunk);
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        let reason = self.link.get().and_then(|link| link.connection().reason());
        let _ = self.told.send(reason);
    }
}

/// What the author of a filter wrote does not run under a lock when a session is replaced.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_is_not_dropped_under_a_lock() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let requester = Arc::new(OnceLock::new());
    let (told, mut dropped) = unbounded_channel();
    let link = Arc::clone(&requester);
    let client = Client::builder("device", PORT).network(&network);
    let client = client.filter(move || Looks { link: Arc::clone(&link), told: told.clone() });
    let link = greeted(client.link()).start();
    requester.set(link.clone()).unwrap();
    link.ready().await.unwrap();
    link.ask("hang up").await.unwrap_err();
    link.ready().await.unwrap();
    assert_eq!(eventually(dropped.recv()).await.unwrap(), None, "the new session is there");
    link.close().await;
    server.close().await;
}
