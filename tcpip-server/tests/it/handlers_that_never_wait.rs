//! Handlers that return without having waited for anything.

use std::{sync::mpsc, thread, time::Duration};

use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::eventually;
use tokio::{runtime::Builder, task::yield_now};

use crate::{
    dial::{dial_in, reset},
    over_both::STUCK,
};

/// Runs `test` on a runtime of one thread, and fails if that hangs.
fn on_one_thread(test: impl Future<Output = ()> + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
        let _ = done.send(());
    });
    is_done.recv_timeout(2 * STUCK).expect("the test succeeds, in time");
}

/// Has nothing to do.
struct Idle;

impl ReadAndDispatch for Idle {
    async fn read_and_dispatch(&self, _connection: &Connection) -> HandlerResult {
        Ok(())
    }
}

/// Reads, and takes no notice of what comes of it.
struct Careless;

impl ReadAndDispatch for Careless {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let _ = connection.read_str().await;
        Ok(())
    }
}

async fn lets_others_run(handler: impl ReadAndDispatch) {
    let builder = OneClientReadLoopServer::builder(handler).close_timeout(Duration::from_secs(20));
    let server = builder.start().await.unwrap();
    let (client, session) = dial_in(&server).await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(session.is_connected() && server.is_reading());
    reset(client);
    eventually(session.wait_disconnected()).await;
    // The next takes the place.
    let (_client, _) = dial_in(&server).await;
    tokio::time::timeout(Duration::from_secs(10), server.close())
        .await
        .expect("a close does not wait for its deadline");
    assert!(server.is_closed() && !server.is_reading());
}

/// On a runtime of one thread a handler that never waits lets the other tasks run, a hang-up be seen, and a close
/// return before its deadline.
#[test]
fn a_handler_that_never_waits_lets_others_run() {
    on_one_thread(lets_others_run(Idle));
}

/// So does one that goes on after the end of its session.
#[test]
fn a_handler_that_takes_no_notice_of_the_end_lets_others_run() {
    on_one_thread(lets_others_run(Careless));
}
