//! Handlers that close their own session or server, or drop it.

use std::sync::Arc;

use macro_rules_attribute::apply;
use tcpip_testkit::{ExpectExt, eventually};
use tokio::io::AsyncWriteExt;

use crate::{
    dial::dial,
    over_both::{is_free, over_both, port_is_free},
    scripted::{Scripted, at_once, scripted},
};

/// A close of any kind, called from the session's own handler or hook, returns without waiting for its caller, and the
/// caller ends where it next waits.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn close_from_the_own_handler_returns_at_once() {
    for command in ["connection.close", "close_client", "close"] {
        for place in ["on_connect", "read_and_dispatch", "on_disconnect"] {
            let server = scripted(Scripted::default()).await;
            let handler = server.handler();
            match place {
                "on_connect" => handler.on_connect.lock().unwrap().push(command),
                "on_disconnect" => handler.on_disconnect.lock().unwrap().push(command),
                _ => {}
            }
            let mut client = dial(&*server).await;
            handler.has_noted(&["on_connect"]).await;
            match place {
                "read_and_dispatch" => client.write_all(format!("{command}\r\n").as_bytes()).await.unwrap(),
                "on_disconnect" => client.shutdown().await.unwrap(),
                _ => {}
            }
            let done = format!("{command} done");
            let went_on = if place == "on_disconnect" { vec!["went on"] } else { vec![] };
            at_once(handler.has_noted(&[&[done.as_str()], &went_on[..], &["on_disconnect"]].concat())).await;
            assert_eq!(at_once(client.rest()).await.unwrap(), b"", "{command} in {place}");
            at_once(server.connection().wait_closed()).await;
            if command == "close" {
                at_once(server.wait_closed()).await;
                assert!(port_is_free(&server));
            } else {
                let mut next = dial(&*server).await;
                next.ask("echo\r\n", "echo\r\n").await;
            }
        }
    }
}

/// A server that is dropped by its own handler closes.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn server_dropped_by_its_own_handler_closes() {
    let server = scripted(Scripted::default()).await;
    let mut client = dial(&*server).await;
    let (handler, address) = (Arc::clone(server.handler()), server.local_addrs()[0]);
    *handler.owner.lock().unwrap() = Some(server);
    client.write_all(b"drop\r\n").await.unwrap();
    assert_eq!(at_once(client.rest()).await.unwrap(), b"");
    at_once(handler.has_noted(&["on_connect", "drop done", "on_disconnect"])).await;
    eventually(|| is_free(address)).await;
}
