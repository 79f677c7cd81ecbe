//! Commands of a link that is not ready.

use std::{pin::pin, time::Duration};

use tcpip_client::{Backoff, Cause, Client, Commands, Group, LinkBuilder, LinkState, Sent};
use tcpip_server::OneClientServer;
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{net::TcpListener, time::Instant};

use super::wordy::{Far, Numbered, Wordy, commands};
use crate::cut::cut;

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn link(port: u16) -> LinkBuilder<Commands<Wordy<Numbered>>> {
    let backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_millis(10));
    Client::builder("127.0.0.1", port).link().backoff(backoff).handler(commands::<Numbered>())
}

/// Before the device is configured nobody's command goes out but those that configure it, in each session.
#[test_log::test(tokio::test)]
async fn a_command_waits_for_what_makes_the_link_ready() {
    let (listener, port) = listener().await;
    let link = link(port)
        .ready_when(|commands| async move {
            commands.run("configure").await?;
            commands.with(|options| options).run("start").await?;
            Ok(())
        })
        .start();
    for round in 0..2 {
        let mut far = Far::new(eventually(listener.accept()).await.unwrap().0);
        let id = 3 * round;
        assert_eq!(far.hears().await, format!("{id} configure"));
        let mut early = pin!(link.handler().run("early"));
        assert!(cut(5, &mut early).await.is_none());
        far.says(&format!("{id} done")).await;
        assert!(cut(5, &mut early).await.is_none());
        assert_eq!(far.hears().await, format!("{} start", id + 1));
        far.says(&format!("{} done", id + 1)).await;
        let (reply, ()) = eventually(async {
            tokio::join!(early, async {
                assert_eq!(far.hears().await, format!("{} early", id + 2));
                far.says(&format!("{} done", id + 2)).await;
            })
        })
        .await;
        assert_eq!(reply.unwrap(), format!("{} done", id + 2));
        assert!(link.is_ready());
    }
}

/// A command waits for the other links of the group as well, and nothing of it is sent if they do not come.
#[test_log::test(tokio::test)]
async fn a_command_waits_for_the_group() {
    let ((listener, port), (other_listener, other_port)) = (listener().await, listener().await);
    let both = Group::new();
    let link = link(port).group(&both).start();
    let other = Client::builder("127.0.0.1", other_port)
        .link()
        .group(&both)
        .handshake(|session| async move {
            session.receive(tcpip_client::line()).await?;
            Ok(())
        })
        .start();
    let mut far = Far::new(eventually(listener.accept()).await.unwrap().0);
    let (silent, _) = eventually(other_listener.accept()).await.unwrap();
    let mut early = pin!(link.handler().run("early"));
    assert!(cut(5, &mut early).await.is_none());
    drop(silent);
    let error = eventually(early).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { reason: Some(_), .. }), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
    assert_eq!(eventually(far.lines.next_line()).await.unwrap(), None, "it has heard nothing");

    let mut far = Far::new(eventually(listener.accept()).await.unwrap().0);
    let mut other_far = Far::new(eventually(other_listener.accept()).await.unwrap().0);
    let mut early = pin!(link.handler().run("early"));
    assert!(cut(5, &mut early).await.is_none());
    other_far.says("welcome").await;
    let answering = async {
        assert_eq!(far.hears().await, "0 early");
        assert!(link.is_ready() && other.is_ready());
        far.says("0 done").await;
    };
    let (reply, ()) = eventually(async { tokio::join!(early, answering) }).await;
    assert_eq!(reply.unwrap(), "0 done");
}

/// A link that does not become ready is not waited for without end.
#[test_log::test(tokio::test)]
async fn a_command_does_not_wait_for_ever() {
    let (listener, port) = listener().await;
    let link = link(port).ready_when(|_| std::future::pending()).start();
    let _far = Far::new(eventually(listener.accept()).await.unwrap().0);
    let after = Duration::from_millis(20);
    let hurried = link.handler().with(|options| options.turn_timeout(after));
    let busy = |error: &Cause| matches!(error, Cause::Busy { after: waited } if *waited == after);
    // As long as nobody has connected, it fails at once.
    let error = eventually(async {
        loop {
            match hurried.run("early").await.unwrap_err() {
                error if matches!(error.cause(), Cause::NotConnected { .. }) => tokio::task::yield_now().await,
                error => break error,
            }
        }
    })
    .await;
    assert!(busy(error.cause()) && error.sent() == Sent::No, "{error:?}");
}

/// A command that waits is told of the end of the session at once, however long the rest of that takes.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_command_that_waits_is_told_of_the_end() {
    let network = MemoryNetwork::new();
    let server = OneClientServer::builder().network(&network).host("device").port(1).start().await.unwrap();
    let mut protocol = Wordy::<Numbered>::new();
    protocol.lingers = true;
    let link = Client::builder("device", 1)
        .network(&network)
        .link()
        .handler(Commands::new(protocol))
        .ready_when(|_| std::future::pending())
        .start();
    let mut has_begun = link.states();
    has_begun.wait_for(|state| matches!(state, LinkState::Handshaking)).await.unwrap();
    while !link.handler().connection().is_connected() {
        tokio::task::yield_now().await;
    }
    let mut early = pin!(link.handler().run("early"));
    assert!(cut(5, &mut early).await.is_none());
    let began = Instant::now();
    server.close_client().await;
    let error = early.await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { reason: Some(_), .. }), "{error:?}");
    assert_eq!((error.sent(), began.elapsed()), (Sent::No, Duration::ZERO));
}
