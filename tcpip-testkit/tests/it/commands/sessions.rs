//! Commands of one session and the next.

use std::{pin::pin, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{Backoff, Cause, Client, Commands, DisconnectReason, HalfClose, RequestError, Sent};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::eventually;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use super::wordy::{Far, Ids, InOrder, Numbered, Wordy, commands, meet};
use crate::{
    cut::cut,
    kinds::{Kind, Memory},
    over_each_kind::over_each_kind,
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

/// The end of a session is told to all at once, with the reason: to who waits for a reply, for a turn, and for room.
/// The next session begins with nothing in flight.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_end_is_told_to_all<K: Kind>() {
    async fn told<I: Ids, K: Kind>() {
        let commands = commands::<I>().in_flight(3);
        let is_told = |error: &RequestError, expected: &Option<DisconnectReason>, sent| {
            let is_right = matches!(error.cause(), Cause::NotConnected { reason, .. } if reason == expected);
            assert!(is_right && error.sent() == sent, "{error:?}");
        };
        is_told(&eventually(commands.run("early")).await.unwrap_err(), &None, Sent::No);
        for _ in 0..2 {
            let (client, mut far) = meet::<I, K>(commands.clone()).await;
            let answered = commands.submit("answered").await.unwrap();
            let acknowledged = commands.submit("acknowledged").await.unwrap();
            let silent = commands.submit("silent").await.unwrap();
            let mut waiting = pin!(commands.run("waiting"));
            assert!(cut(5, &mut waiting).await.is_none());
            for _ in 0..3 {
                far.hears().await;
            }
            // What comes before the end is dispatched before that is told.
            far.says(&format!("{}done", I::written(answered.id()))).await;
            far.says(&format!("{}ack", I::written(acknowledged.id()))).await;
            drop(far);
            eventually(client.wait_disconnected()).await;
            let reason = client.connection().reason();
            assert!(reason.as_ref().is_some_and(DisconnectReason::is_by_peer), "{reason:?}");
            eventually(answered).await.unwrap();
            is_told(&eventually(acknowledged).await.unwrap_err(), &reason, Sent::Yes);
            is_told(&eventually(silent).await.unwrap_err(), &reason, Sent::Maybe);
            is_told(&eventually(waiting).await.unwrap_err(), &reason, Sent::No);
            is_told(&eventually(commands.run("afterwards")).await.unwrap_err(), &reason, Sent::No);
            assert_eq!((commands.under_way(), commands.late_replies()), (0, 0));
        }
    }
    told::<Numbered, K>().await;
    told::<InOrder, K>().await;
}

/// So it is where the session lives on for what it sends, and for a place whose caller is gone.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn the_end_of_a_half_is_told_to_all<K: Kind>() {
    let (near, far) = K::streams().await;
    let client = Client::from_stream(near).half_close(HalfClose::Allowed);
    let client = client.connect_with(commands::<InOrder>()).await.unwrap();
    let patient = client.handler().with(|options| options.reply_timeout(100 * LONG));
    drop(patient.submit("dropped").await.unwrap());
    let silent = patient.submit("silent").await.unwrap();
    let mut far = Far::new(far);
    far.writer.shutdown().await.unwrap();
    let error = eventually(silent).await.unwrap_err();
    let is_told = matches!(error.cause(), Cause::NotConnected { reason: Some(DisconnectReason::ClosedByPeer), .. });
    assert!(is_told, "{error:?}");
    eventually(client.wait_disconnected()).await;
    assert_eq!(client.handler().under_way(), 0);
}

/// A command goes out behind what `on_connect` says, and waits for it.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_command_waits_for_the_greeting<K: Kind>() {
    let mut protocol = Wordy::<Numbered>::new();
    protocol.greeting = Some("password");
    let (client, mut far) = meet::<_, K>(Commands::new(protocol)).await;
    let mut early = pin!(client.handler().run("early"));
    assert!(cut(5, &mut early).await.is_none());
    assert_eq!(far.hears().await, "password");
    assert_eq!(client.handler().under_way(), 0);
    far.says("0 done welcome").await;
    assert!(cut(5, &mut early).await.is_none());
    assert_eq!(far.hears().await, "0 early");
    far.says("0 done").await;
    assert_eq!(eventually(early).await.unwrap(), "0 done");
    assert!(client.handler().protocol().events.lock().unwrap().is_empty());
    eventually(client.close()).await;
}

/// A protocol that panics ends the session, and all callers are told.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_protocol_that_panics_ends_the_session<K: Kind>() {
    let (client, mut far) = meet::<Numbered, K>(commands()).await;
    let pending = client.handler().submit("slew").await.unwrap();
    far.says("panic").await;
    let error = eventually(pending).await.unwrap_err();
    let failed = |reason: &Option<DisconnectReason>| matches!(reason, Some(DisconnectReason::HandlerFailed { .. }));
    assert!(matches!(error.cause(), Cause::NotConnected { reason, .. } if failed(reason)), "{error:?}");
}

/// A server asks its clients, one after another, and has the rest of what they say as events.
#[test_log::test(tokio::test)]
async fn a_server_asks_its_clients() {
    let server = OneClientReadLoopServer::builder(commands::<Numbered>()).start().await.unwrap();
    for round in 0..2 {
        let client = Client::builder(server.host(), server.port()).connect().await.unwrap();
        client.write_str("hello").await.unwrap();
        eventually(server.wait_connected()).await;
        let asking = server.handler().run("who?");
        let answering = async {
            assert_eq!(client.read_str().await.unwrap(), format!("{} who?", 2 * round));
            client.write_str(&format!("{} done me", 2 * round)).await.unwrap();
        };
        let (reply, ()) = eventually(async { tokio::join!(asking, answering) }).await;
        assert_eq!(reply.unwrap(), format!("{} done me", 2 * round));
        let never = server.handler().submit("never").await.unwrap();
        eventually(client.close()).await;
        assert!(matches!(eventually(never).await.unwrap_err().cause(), Cause::NotConnected { .. }));
        eventually(server.wait_disconnected()).await;
    }
    eventually(server.close()).await;
    let expected = ["hello", "disconnected", "hello", "disconnected"];
    assert_eq!(*server.handler().protocol().events.lock().unwrap(), expected);
}

/// A link has commands in each of its sessions, the first of which may be what makes it ready.
#[test_log::test(tokio::test)]
async fn a_link_has_commands_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Client::builder("127.0.0.1", listener.local_addr().unwrap().port())
        .link()
        .backoff(Backoff::exponential(Duration::from_millis(1), Duration::from_millis(10)))
        .handler(commands::<InOrder>())
        .ready_when(|commands| async move {
            commands.run("hello").await?;
            Ok(())
        })
        .start();
    for _ in 0..3 {
        let mut far = Far::new(eventually(listener.accept()).await.unwrap().0);
        assert_eq!(far.hears().await, "hello");
        far.says("done hello").await;
        eventually(link.ready()).await.unwrap();
        let slew = link.handler().submit("slew").await.unwrap();
        assert_eq!(far.hears().await, "slew");
        drop(far);
        let error = eventually(slew).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::Maybe, "{error:?}");
        assert_eq!(link.handler().under_way(), 0);
    }
    eventually(link.close()).await;
}

/// One handler serves one session at a time: the session that was there ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handler_serves_one_session_at_a_time() {
    let commands = commands::<Numbered>();
    let (first, mut far) = meet::<_, Memory>(commands.clone()).await;
    let pending = commands.submit("slew").await.unwrap();
    let (second, mut other) = meet::<_, Memory>(commands.clone()).await;
    assert!(matches!(pending.await.unwrap_err().cause(), Cause::NotConnected { .. }));
    far.says("0 done").await;
    eventually(first.wait_disconnected()).await;
    let pending = commands.submit("slew").await.unwrap();
    other.says("1 done").await;
    assert_eq!((pending.await.unwrap().as_str(), second.is_connected()), ("1 done", true));
}

/// Without its runtime a command has no reply, and whoever drops one does so without harm.
#[test]
fn a_command_outlives_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for is_dropped in [false, true] {
        let first = runtime();
        let (client, far, one, two) = first.block_on(async {
            let (client, far) = meet::<InOrder, Memory>(commands()).await;
            let (one, two) = tokio::join!(client.handler().submit("one"), client.handler().submit("two"));
            (client, far, one.unwrap(), two.unwrap())
        });
        drop(one);
        drop(first);
        if is_dropped {
            drop(two);
        } else {
            let error = runtime().block_on(eventually(two)).unwrap_err();
            assert!(matches!(error.cause(), Cause::NotConnected { .. }), "{error:?}");
        }
        drop((client, far));
    }
}
