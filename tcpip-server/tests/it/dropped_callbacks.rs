//! Connect callbacks that are dropped with their server.

use std::future::ready;

use tcpip_server::{ConnectionEvent, OneClientServer};
use tcpip_testkit::eventually;
use tokio::sync::mpsc::unbounded_channel;
use tracing::Level;

use crate::{dial::dial_in, log_count::LogCount};

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// A callback that panics as it is dropped is logged as such; the others have been told all, and are dropped too.
#[test_log::test(tokio::test)]
async fn a_callback_that_panics_as_it_is_dropped_is_logged() {
    let (log, _listening) = LogCount::start();
    let (sender, mut told) = unbounded_channel();
    let bomb = PanicsInDrop;
    let panics = move |_: ConnectionEvent| {
        let _with_the_callback = &bomb;
        ready(())
    };
    let tells = move |event: ConnectionEvent| {
        let _ = sender.send(event.is_connected());
        ready(())
    };
    let server = OneClientServer::builder().connect_callback(panics).connect_callback(tells).start().await.unwrap();
    let _client = dial_in(&server).await;
    drop(server);
    for expected in [Some(true), Some(false), None] {
        assert_eq!(eventually(told.recv()).await, expected);
    }
    eventually(|| !log.of(Level::ERROR, "a panic while a connect callback was dropped: on purpose").is_empty()).await;
}
