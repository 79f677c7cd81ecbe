//! Commands that wait for a link, and those that are given again.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tcpip_client::{Backoff, Cause, Client, CommandOptions, Commands, Link, LinkBuilder, LinkError, Sent};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;
use tracing::Level;

use super::wordy::{Ids, InOrder, Numbered, Wordy, commands};
use crate::{cut::cut, logged::Logged};

const SECOND: Duration = Duration::from_secs(1);

/// Answers each command but the first few, for which it hangs up: the first of two only behind a word.
#[derive(Clone, Default)]
struct Device {
    heard: Arc<AtomicUsize>,
    hangs_up: Arc<AtomicUsize>,
    is_silent: Arc<AtomicBool>,
}

impl ReadAndDispatch for Device {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        self.heard.fetch_add(1, Ordering::Relaxed);
        let hangs_up = self.hangs_up.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if self.is_silent.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (id, command) = line.split_once(' ').map_or((String::new(), &*line), |(id, rest)| (format!("{id} "), rest));
        if let Ok(left) = hangs_up {
            if left == 2 && command == "acked" {
                connection.write_str(&format!("{id}ack")).await?;
            }
            return Err("it hangs up".into());
        }
        let word = if command == "refused" { "failed" } else { "done" };
        connection.write_str(&format!("{id}{word}")).await?;
        Ok(())
    }
}

async fn serve(network: &MemoryNetwork, device: &Device) -> OneClientReadLoopServer<Device> {
    let server = OneClientReadLoopServer::builder(device.clone()).network(network).host("device").port(1);
    server.start().await.unwrap()
}

fn link<I: Ids>(network: &MemoryNetwork) -> LinkBuilder<Commands<Wordy<I>>> {
    let backoff = Backoff::exponential(SECOND, SECOND);
    Client::builder("device", 1).network(network).link().backoff(backoff).handler(commands::<I>())
}

fn with<I: Ids>(
    link: &Link<Commands<Wordy<I>>>,
    change: impl FnOnce(CommandOptions) -> CommandOptions,
) -> Commands<Wordy<I>> {
    link.handler().with(change)
}

/// A command waits for a link that is not there, as long as it is told to, and is told why that is not; one that may
/// not wait fails at once.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_command_may_wait_for_the_link() {
    let (network, device) = (MemoryNetwork::new(), Device::default());
    let link = link::<Numbered>(&network).start();
    let patient = with(&link, |options| options.ready_timeout(3 * SECOND));
    let begin = Instant::now();
    for (commands, waits) in [(&**link.handler(), Duration::ZERO), (&patient, 3 * SECOND)] {
        let begin = Instant::now();
        let error = commands.run("open").await.unwrap_err();
        assert_eq!((error.sent(), begin.elapsed()), (Sent::No, waits), "{error:?}");
        assert!(matches!(error.cause(), Cause::NotConnected { .. }), "{error:?}");
    }
    let error = link.handler().run("open").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { link: Some(LinkError::Connect(_)), .. }), "{error:?}");
    for round in 1..4 {
        let mut early = pin!(patient.run("early"));
        assert!(cut(5, &mut early).await.is_none());
        let server = serve(&network, &device).await;
        early.await.unwrap();
        assert_eq!(device.heard.load(Ordering::Relaxed), round);
        server.close().await;
        link.handler().connection().wait_disconnected().await;
    }
    assert!(begin.elapsed() > 3 * SECOND);
    // The link ends, and nobody waits for it any more.
    let mut early = pin!(patient.run("early"));
    assert!(cut(5, &mut early).await.is_none());
    let begin = Instant::now();
    link.close().await;
    let error = early.await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { link: Some(LinkError::Closed), .. }), "{error:?}");
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

/// The commands that make a link ready do not wait for another session: theirs is over.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_makes_a_link_ready_waits_for_no_other_session() {
    let (network, device) = (MemoryNetwork::new(), Device::default());
    device.hangs_up.store(1, Ordering::Relaxed);
    let server = serve(&network, &device).await;
    let link = link::<Numbered>(&network)
        .ready_when(|commands| async move {
            let patient = commands.with(|options| options.ready_timeout(100 * SECOND).retries(9).idempotent());
            patient.run("configure").await?;
            Ok(())
        })
        .start();
    let begin = Instant::now();
    link.ready().await.unwrap();
    assert!(begin.elapsed() < 3 * SECOND, "{:?}", begin.elapsed());
    assert_eq!(device.heard.load(Ordering::Relaxed), 2);
    server.close().await;
}

async fn repeated<I: Ids>() {
    let (network, device) = (MemoryNetwork::new(), Device::default());
    let server = serve(&network, &device).await;
    let link = link::<I>(&network).connect().await.unwrap();
    let attempts = |hangs_up: usize, change: fn(CommandOptions) -> CommandOptions| {
        device.heard.store(0, Ordering::Relaxed);
        device.hangs_up.store(hangs_up, Ordering::Relaxed);
        let commands = with(&link, change);
        let device = device.clone();
        async move {
            let outcome = commands.run("go").await;
            (outcome.map_err(|error| error.sent()).map(drop), device.heard.load(Ordering::Relaxed))
        }
    };
    assert_eq!(attempts(2, |options| options.retries(2).idempotent()).await, (Ok(()), 3));
    assert_eq!(attempts(3, |options| options.retries(2).idempotent()).await, (Err(Sent::Maybe), 3));
    link.ready().await.unwrap();
    assert_eq!(attempts(1, |options| options.retries(2)).await, (Err(Sent::Maybe), 1));
    link.ready().await.unwrap();
    // All waits together take one deadline of the turn.
    assert_eq!(
        attempts(9, |options| options.retries(9).turn_timeout(3 * SECOND).idempotent()).await.0,
        Err(Sent::Maybe)
    );
    assert!((2..5).contains(&device.heard.load(Ordering::Relaxed)), "{:?}", device.heard);
    server.close().await;
}

/// A command is repeated as often as is allowed, in the next session, if it may have been received only where that does
/// no harm; what the error says of how far it went holds for all attempts.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_command_is_repeated() {
    repeated::<Numbered>().await;
    repeated::<InOrder>().await;
}

/// A word of an earlier attempt is one of the command.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_word_of_any_attempt_counts() {
    let (network, device) = (MemoryNetwork::new(), Device::default());
    let server = serve(&network, &device).await;
    device.hangs_up.store(2, Ordering::Relaxed);
    let link = link::<Numbered>(&network).connect().await.unwrap();
    let error = with(&link, |options| options.retries(1).idempotent()).run("acked").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::Yes, "{error:?}");
    server.close().await;
}

/// What was not sent may be repeated whatever it does; what the device refuses is not, nor what cannot be written.
#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_repeated() {
    let (network, device) = (MemoryNetwork::new(), Device::default());
    let link = link::<Numbered>(&network).start();
    let again = with(&link, |options| options.retries(3).idempotent());
    let mut early = pin!(again.run("early"));
    assert!(cut(5, &mut early).await.is_none(), "it waits for the link, as what is repeated does");
    let server = serve(&network, &device).await;
    early.await.unwrap();
    let (log, _logging) = Logged::up_to(Level::WARN);
    let refused = again.run("refused").await.unwrap_err();
    assert!(matches!(refused.cause(), Cause::Refused { .. }), "{refused:?}");
    let unwritten = again.run("of\r\ntwo lines").await.unwrap_err();
    assert!(matches!(unwritten.cause(), Cause::Write(_)), "{unwritten:?}");
    assert_eq!((device.heard.load(Ordering::Relaxed), &*log.text()), (2, ""));
    // A reply that does not come may do so behind the next command.
    device.is_silent.store(true, Ordering::Relaxed);
    let error = with(&link, |options| options.retries(2).idempotent()).run("silent").await.unwrap_err();
    assert!(error.is_timeout() && error.sent() == Sent::Maybe, "{error:?}");
    assert_eq!(device.heard.load(Ordering::Relaxed), 5);
    server.close().await;
}
