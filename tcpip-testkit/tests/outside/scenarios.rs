//! What the processes do that are watched. Started by hand they do it too, and nobody counts.

use std::{fs, net::Ipv4Addr, time::Duration};

use tcpip_client::Client;
use tcpip_server::OneClientServer;
use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    runtime::{Builder, Runtime},
    spawn,
    task::JoinSet,
};

use crate::{child::Rest, marks::mark};

/// How many messages go each way.
pub(crate) const MESSAGES: usize = 100;

/// The length of each message of [`backlog`].
pub(crate) const EACH: usize = 100;

/// How many clients connect and close.
pub(crate) const CONNECTS: usize = 20;

/// How many sessions of each kind are idle.
const IDLE_SESSIONS: usize = 10;

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn connected() -> (OneClientServer, Client) {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    // The first message of a session may have to wait until the runtime knows that the socket is writable.
    let mut text = String::new();
    request_and_reply(&client, &server, &mut text).await;
    (server, client)
}

async fn request_and_reply(client: &Client, server: &OneClientServer, text: &mut String) {
    client.write_str("position?").await.unwrap();
    server.read_str_into(text).await.unwrap();
    server.write_str("position 123.45").await.unwrap();
    client.read_str_into(text).await.unwrap();
    assert_eq!(text, "position 123.45");
}

/// One request after another, each with its reply.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn requests_and_replies() {
    one_thread().block_on(async {
        let (server, client) = connected().await;
        let mut text = String::new();
        mark("begin");
        for _ in 0..MESSAGES {
            request_and_reply(&client, &server, &mut text).await;
        }
        mark("end");
    });
}

/// One message after another, which nobody reads. They are long, so that the system gathers their parts: a `send` of
/// one piece is not in the own count.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn writes() {
    one_thread().block_on(async {
        let (_server, client) = connected().await;
        let long = "position 123.45 ".repeat(20);
        let writes_before = own_writes();
        mark("begin");
        for _ in 0..MESSAGES {
            client.write_str(&long).await.unwrap();
        }
        mark("end");
        if let (Some(before), Some(after)) = (writes_before, own_writes()) {
            assert_eq!(after - before, MESSAGES);
        }
    });
}

/// How many times this process has called `write` or `writev`, if the system tells.
pub(crate) fn own_writes() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("syscw: "))?.parse().ok()
}

/// Messages of several parts, one of each kind.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn composed_messages() {
    one_thread().block_on(async {
        let (_server, client) = connected().await;
        mark("begin");
        client.write_from((&[1_u8, 2], &[3_u8; 100], &[4_u16])).await.unwrap();
        client.write_lines(&["one", "two", "three"]).await.unwrap();
        client.write_json(&[1.5, 2.5]).await.unwrap();
        let mut batch = client.batch();
        batch.write_str("one").unwrap().write_str("two").unwrap().write(b">");
        batch.send().await.unwrap();
        mark("end");
    });
}

/// Clients that connect and close, one after the other. The other end closes when it sees that.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn connects() {
    one_thread().block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = spawn(async move {
            for _ in 0..CONNECTS {
                assert_eq!(listener.accept().await.unwrap().0.read(&mut [0]).await.unwrap(), 0);
            }
        });
        mark("begin");
        for _ in 0..CONNECTS {
            Client::builder("127.0.0.1", port).connect().await.unwrap().close().await;
        }
        mark("end");
        acceptor.await.unwrap();
    });
}

/// Many messages that arrive together.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn one_segment() {
    one_thread().block_on(async {
        let (server, client) = connected().await;
        let mut batch = client.batch();
        for _ in 0..MESSAGES {
            batch.write_str("position 123.45").unwrap();
        }
        batch.send().await.unwrap();
        let mut text = String::new();
        mark("begin");
        for _ in 0..MESSAGES {
            server.read_str_into(&mut text).await.unwrap();
        }
        mark("end");
    });
}

/// Many writers behind a message that the socket does not take at once.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn backlog() {
    const LARGE: usize = 16 * 1024 * 1024;
    one_thread().block_on(async {
        let case = OneClientServerTestCase::new();
        let server = case.create_server(OneClientServer::builder()).await.unwrap();
        let client = case.create_client(&server, |client| client.write_limit(2 * LARGE)).await.unwrap();
        mark("begin");
        let mut writers = JoinSet::new();
        let connection = client.connection();
        writers.spawn(async move { connection.write(&vec![b'x'; LARGE]).await.unwrap() });
        for _ in 0..MESSAGES {
            let connection = client.connection();
            writers.spawn(async move { connection.write(&[b'y'; EACH]).await.unwrap() });
        }
        tokio::task::yield_now().await;
        let all = server.read_exact(LARGE + MESSAGES * EACH).await.unwrap();
        assert_eq!(all[LARGE..], [b'y'; MESSAGES * EACH]);
        mark("end");
        writers.join_all().await;
    });
}

/// Sessions of all kinds at both ends, that have been used and are now idle; at some of them a read waits.
async fn idle(polling: bool) {
    let Some(rest) = Rest::prepare() else { return };
    let case = OneClientServerTestCase::new();
    let (mut plain, mut read_loops, mut readers) = (Vec::new(), Vec::new(), JoinSet::new());
    for _ in 0..IDLE_SESSIONS {
        let options = |client: tcpip_client::ClientBuilder| {
            let client = client.connect_callback(case.connect_callback());
            if polling {
                client.poll_for_hang_up().monitor_connection_interval(Duration::from_millis(10))
            } else {
                client
            }
        };
        let builder = OneClientServer::builder().connect_callback(case.connect_callback());
        let server = case.create_server(builder).await.unwrap();
        let client = case.create_client(&server, options).await.unwrap();
        request_and_reply(&client, &server, &mut String::new()).await;
        let connection = client.connection();
        readers.spawn(async move { connection.read_str().await.map(drop) });
        plain.push((server, client));

        let server = case.create_server(TestOneClientReadLoopServer::builder()).await.unwrap();
        let client = case.create_client(&server, options).await.unwrap();
        client.write_str("status").await.unwrap();
        assert_eq!(server.get_next_data().await.unwrap(), "status");
        read_loops.push((server, client));
    }
    rest.until_told_to_end(|| mark("begin")).await;
    mark("end");
}

/// Idle sessions on a runtime of one thread.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn idle_on_one_thread() {
    one_thread().block_on(idle(false));
}

/// Idle sessions on a runtime of several threads.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn idle_on_several_threads() {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(idle(false));
}

/// Sessions that poll, which whoever counts wake-ups must see.
#[test]
#[ignore = "runs in a process of its own, started by the tests that watch it"]
fn polling_on_one_thread() {
    one_thread().block_on(idle(true));
}
