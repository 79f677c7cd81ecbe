//! Who is admitted, who is refused, and who takes whose place.

use std::{sync::Arc, time::Duration};

use macro_rules_attribute::apply;
use tcpip_server::{DisconnectReason, OneClientReadLoopServer, OneClientServer, ReadError};
use tcpip_testkit::{ExpectExt, eventually};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Barrier,
    task::JoinSet,
};
use tracing::Level;

use crate::{
    dial::{dial, dial_in, is_refused, reset},
    events::event_channel,
    log_count::LogCount,
    over_both::over_both,
    scripted::Scripted,
};

/// Longer than any test: nothing but the claim itself may end a session.
const NEVER: Duration = Duration::from_hours(1);

/// Fault 1: a client hangs up while a byte that it sent is unread; the next client is admitted at once.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn hang_up_behind_an_unread_byte_does_not_keep_the_next_client_out() {
    let (callback, mut events) = event_channel();
    let server = OneClientServer::builder().drain_timeout(NEVER).connect_callback(callback).start().await.unwrap();
    let (mut first, session) = dial_in(&server).await;
    first.write_all(b"x").await.unwrap();
    drop(first);
    let (second, current) = dial_in(&server).await;
    assert_ne!(session, current);
    assert_eq!(session.reason(), Some(DisconnectReason::Replaced));
    for (connection, reason) in [(&session, None), (&session, Some(DisconnectReason::Replaced)), (&current, None)] {
        let event = eventually(events.recv()).await.unwrap();
        assert_eq!((event.connection(), event.reason()), (connection, reason));
    }
    drop(second);
}

/// Fault 1, without a next client: the hang-up behind an unread byte is told once nobody has read for `drain_timeout`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn hang_up_behind_an_unread_byte_is_told_after_the_drain_timeout() {
    let drain_timeout = Duration::from_millis(50);
    let server = OneClientServer::builder().drain_timeout(drain_timeout).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    client.write_all(b"x\r\n").await.unwrap();
    drop(client);
    eventually(server.wait_disconnected()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::ClosedByPeer));
    assert!(server.should_be_connected(), "it is lost, not closed");
    // What had arrived stays readable.
    assert_eq!(session.read_str().await.unwrap(), "x");
    assert!(matches!(session.read_str().await, Err(ReadError::EndOfStream { .. })));
}

/// A session that drains still counts as connected: what was asked is answered.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn draining_session_can_be_read_and_answered() {
    let server = OneClientServer::builder().drain_timeout(NEVER).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    client.write_all(b"status\r\nand more\r\n").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(eventually(session.read_str()).await.unwrap(), "status");
    session.write_str("fine").await.unwrap();
    assert_eq!(session.read_str().await.unwrap(), "and more");
    assert!(session.is_connected());
    session.write_str("thanks").await.unwrap();
    assert!(matches!(session.read_str().await, Err(ReadError::EndOfStream { .. })));
    assert!(!session.is_connected());
    client.expect("fine\r\nthanks\r\n").await;
    client.expect_end().await;
}

/// While a client is connected, a second one sees the end of its stream, and the first one is not disturbed.
/// Parity: `OneClientServer`.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn second_client_is_refused_and_the_first_is_unharmed() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (mut first, session) = dial_in(&server).await;
    assert!(is_refused(dial(&server).await).await);
    let mut talkative = dial(&server).await;
    let _ = talkative.write_all(b"let me in\r\n").await;
    assert!(is_refused(talkative).await);
    first.write_all(b"still here\r\n").await.unwrap();
    assert_eq!(eventually(server.read_str()).await.unwrap(), "still here");
    assert_eq!(server.connection(), session);
}

/// Fault 18: clients that are refused by the hundred make one line in the log, not hundreds.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn refused_clients_are_logged_at_a_limited_rate() {
    let (log, _listening) = LogCount::start();
    let server = OneClientServer::builder().start().await.unwrap();
    let (_first, _) = dial_in(&server).await;
    for _ in 0..200 {
        assert!(is_refused(dial(&server).await).await);
    }
    let said = log.of(Level::WARN, "refused");
    assert!((1..=3).contains(&said.len()), "{said:?}");
}

/// 2000 connects at once do the client that is being served no harm, and do not fill the log.
/// Failure 22.
#[test_log::test(tokio::test)]
async fn accept_storm_leaves_the_client_unharmed_and_the_log_short() {
    let (log, _listening) = LogCount::start();
    let server = OneClientReadLoopServer::builder(Scripted::default()).start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    let address = server.local_addrs()[0];
    let mut storm = JoinSet::new();
    for _ in 0..20 {
        storm.spawn(async move {
            for time in 0..100 {
                let stream = TcpStream::connect(address).await.unwrap();
                if time % 2 == 0 {
                    assert!(is_refused(stream).await);
                }
            }
        });
    }
    while !storm.is_empty() {
        client.ask("echo\r\n", "echo\r\n").await;
        storm.try_join_next().into_iter().for_each(Result::unwrap);
    }
    client.ask("echo\r\n", "echo\r\n").await;
    assert_eq!(server.connection(), session);
    assert!(session.is_connected());
    let warnings = log.of(Level::WARN, "").len() + log.of(Level::ERROR, "").len();
    assert!((1..=5).contains(&warnings), "{warnings}");
}

/// Fault 3: the client that comes while the previous one is being closed has both its events, after those of the
/// previous one.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn client_admitted_while_the_last_is_being_closed_has_its_events() {
    let (callback, mut events) = event_channel();
    let builder = OneClientServer::builder().close_timeout(Duration::from_secs(2)).write_timeout(None);
    let server = builder.connect_callback(callback).start().await.unwrap();
    let (stalled, first) = dial_in(&server).await;
    // More than the kernel takes: the close has something to wait for. A message is queued whole at once.
    let flood = vec![0; 32 << 20];
    assert!(tokio::time::timeout(Duration::ZERO, first.write(&flood)).await.is_err());
    let second = {
        let closing = server.close_client();
        tokio::pin!(closing);
        let dialling = async {
            eventually(first.wait_disconnected()).await;
            dial_in(&server).await
        };
        tokio::select! {
            biased;
            () = &mut closing => panic!("the stalled client should hold the close up"),
            second = dialling => second,
        }
    };
    assert!(!first.is_closed(), "the first is still being closed");
    drop(second.0);
    for connection in [&first, &second.1] {
        let begun = eventually(events.recv()).await.unwrap();
        assert_eq!((begun.connection(), begun.is_connected()), (connection, true));
        let ended = eventually(events.recv()).await.unwrap();
        assert_eq!((ended.connection(), ended.is_connected()), (connection, false));
    }
    drop(stalled);
}

/// Fault 4: of many clients that race into a server after a drop, one is admitted, and all others are told.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 4))]
async fn of_clients_that_race_after_a_drop_one_is_admitted() {
    let (callback, mut events) = event_channel();
    let server = OneClientReadLoopServer::builder(Scripted::greeting("welcome\r\n"))
        .connect_callback(callback)
        .start()
        .await
        .unwrap();
    let address = server.local_addrs()[0];
    for round in 0..40 {
        let mut incumbent = dial(&server).await;
        incumbent.expect("welcome\r\n").await;
        let start = Arc::new(Barrier::new(9));
        let mut race = JoinSet::new();
        for _ in 0..8 {
            let start = Arc::clone(&start);
            race.spawn(async move {
                start.wait().await;
                let mut stream = TcpStream::connect(address).await.unwrap();
                is_greeted(&mut stream, "welcome\r\n").await.then_some(stream)
            });
        }
        start.wait().await;
        drop(incumbent);
        let mut admitted: Vec<_> = eventually(race.join_all()).await.into_iter().flatten().collect();
        assert!(admitted.len() <= 1, "round {round}: {}", admitted.len());
        if let Some(winner) = admitted.first_mut() {
            winner.ask("echo\r\n", "echo\r\n").await;
        }
    }
    server.close().await;
    server.callbacks_done().await;
    events.close();
    let mut connected = false;
    while let Some(event) = events.recv().await {
        assert_eq!(event.is_connected(), !connected);
        connected = event.is_connected();
    }
    assert!(!connected);
}

/// Failure 29: a client that drops and dials before the loss is noticed: C1 D1 C2 D2.
#[test_log::test(tokio::test)]
async fn redial_before_the_loss_is_noticed_gives_c1_d1_c2_d2() {
    let (callback, mut events) = event_channel();
    let server = OneClientServer::builder().connect_callback(callback).start().await.unwrap();
    let (stream, first) = dial_in(&server).await;
    // Without a yield to the runtime between them: the kernel knows both, the server nothing.
    drop(stream);
    let stream = std::net::TcpStream::connect(server.local_addrs()[0]).unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(eventually(events.recv()).await.unwrap());
    }
    drop(stream);
    told.push(eventually(events.recv()).await.unwrap());
    let told: Vec<_> = told.iter().map(|event| (event.connection().clone(), event.is_connected())).collect();
    let second = server.connection();
    assert_ne!(first, second);
    assert_eq!(told, [(first.clone(), true), (first, false), (second.clone(), true), (second, false)]);
}

/// A client's reset is told as a reset, and frees the place.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn reset_is_told_as_a_reset_and_frees_the_place() {
    let server = OneClientServer::builder().start().await.unwrap();
    let (mut client, session) = dial_in(&server).await;
    client.write_all(b"last words\r\n").await.unwrap();
    reset(client);
    eventually(session.wait_disconnected()).await;
    assert_eq!(session.reason(), Some(DisconnectReason::Reset));
    assert_eq!(session.read_str().await.unwrap(), "last words");
    let told = session.read_str().await;
    assert!(matches!(told, Err(ReadError::Disconnected { reason: DisconnectReason::Reset })), "{told:?}");
    assert!(matches!(session.read_str().await, Err(ReadError::NotConnected { .. })));
    dial_in(&server).await;
}

/// Whether the server greets a client, or else ends its stream.
async fn is_greeted(stream: &mut (impl AsyncRead + Unpin), greeting: &str) -> bool {
    let mut heard = vec![0; greeting.len()];
    eventually(stream.read_exact(&mut heard)).await.is_ok_and(|_| heard == greeting.as_bytes())
}
