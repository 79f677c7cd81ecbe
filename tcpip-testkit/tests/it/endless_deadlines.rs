//! `Duration::MAX` as a deadline, for "never".

use std::time::Duration;

use tcpip_client::{Client, OutOfStep, RequestOptions, Requester, silence};
use tcpip_server::OneClientServer;
use tcpip_testkit::{eventually, no_leaks_within};
use tokio::time::timeout;

use crate::{
    kinds::{Kind, Memory},
    requests::{at_once, device},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// The longest duration there is may be given for every deadline: sessions write, drain and close as always.
#[test_log::test(tokio::test)]
async fn the_longest_duration_is_a_deadline_that_never_passes() {
    let server = OneClientServer::builder()
        .read_timeout(Duration::MAX)
        .write_timeout(Duration::MAX)
        .close_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .monitor_connection_interval(Duration::MAX)
        .start()
        .await
        .unwrap();
    let client = Client::builder(server.host(), server.port())
        .connect_timeout(Duration::MAX)
        .read_timeout(Duration::MAX)
        .write_timeout(Duration::MAX)
        .close_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .monitor_connection_interval(Duration::MAX)
        .connect()
        .await
        .unwrap();
    let session = eventually(server.wait_connected()).await.unwrap();
    // More than the socket takes at once.
    let large = vec![0; 16 << 20];
    let (written, read) =
        eventually(async { tokio::join!(client.write(&large), session.read_exact(large.len())) }).await;
    written.unwrap();
    assert!(read.unwrap() == large);

    client.write_str("last words").await.unwrap();
    eventually(client.close()).await;
    assert!(client.is_closed());
    assert_eq!(eventually(session.read_str()).await.unwrap(), "last words");
    eventually(session.read_str()).await.unwrap_err();
    eventually(session.wait_closed()).await;
    eventually(server.close()).await;
    assert!(server.is_closed());
}

/// A leak may be waited for so long.
#[test_log::test(tokio::test)]
async fn what_is_left_behind_may_take_for_ever() {
    no_leaks_within(Duration::MAX, async { Ok(()) }).await.unwrap();
}

/// So it is with the deadlines of requests, also where a session must not be idle.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_request_may_take_for_ever() {
    let (near, far) = Memory::streams().await;
    let client = Client::from_stream(near).idle_timeout(LONG).connect().await.unwrap();
    let never = Duration::MAX;
    let options = RequestOptions::new()
        .ready_timeout(never)
        .turn_timeout(never)
        .reply_timeout(never)
        .gap_timeout(never)
        .whole_timeout(never)
        .out_of_step(OutOfStep::Drain { quiet: never, at_most: never });
    let requester = Requester::new(client, options);
    tokio::spawn(device(far, |command| if command == "?" { at_once("ok\r\n") } else { Vec::new() }));
    assert_eq!(eventually(requester.ask("?")).await.unwrap(), "ok");
    timeout(100 * LONG, requester.ask_for("never", silence(never))).await.unwrap_err();
    timeout(100 * LONG, requester.ask("?")).await.unwrap_err();
}
