//! What the fixtures say when they cannot do what they are asked to do.

use std::{
    error::Error,
    panic,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tcpip_client::{Client, ConnectError};
use tcpip_server::{
    ClientOrServer, Connection, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch, ReadError,
};
use tcpip_testkit::{
    FixtureError, MemoryNetwork, OneClientServerTestCase, STD_TIMEOUT, TestOneClientReadLoopServer, fail_on_warnings,
};
use tokio::{io::DuplexStream, runtime::Builder, sync::mpsc};

use crate::memory_servers::Streams;

/// A client that is kept out by another is told so.
/// Parity: `create_client`.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_that_is_not_admitted_is_an_error() {
    let _entered = MemoryNetwork::new().enter();
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let _first = case.create_client(&server, |client| client).await.unwrap();
    let error = case.create_client(&server, |client| client).await.unwrap_err();
    assert!(matches!(error, FixtureError::NotAdmitted { after: STD_TIMEOUT }), "{error}");
    let surplus = case.create_client_without_waiting(&server, |client| client).await.unwrap();
    surplus.wait_disconnected().await;
}

/// A handler that turns its client away.
struct Refuses;

impl ReadAndDispatch for Refuses {
    async fn on_connect(&self, _connection: &Connection) -> HandlerResult {
        Err("the mock serves nobody".into())
    }

    async fn read_and_dispatch(&self, _connection: &Connection) -> HandlerResult {
        Ok(())
    }
}

/// A client whose session ends at once has been admitted all the same.
#[test_log::test(tokio::test)]
async fn a_client_that_is_admitted_and_left_at_once_is_none() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Refuses)).await.unwrap();
    for _ in 0..10 {
        let client = case.create_client(&server, |client| client).await.unwrap();
        client.wait_disconnected().await;
    }
}

/// A server that is closed while the fixture waits, and one without a port, are told apart.
#[test_log::test(tokio::test)]
async fn a_server_that_cannot_be_connected_to_is_an_error() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let _first = case.create_client(&server, |client| client).await.unwrap();
    let waiting = case.create_client(&server, |client| client);
    let closing = async {
        tokio::task::yield_now().await;
        server.close().await;
    };
    let (error, ()) = tokio::join!(waiting, closing);
    assert!(matches!(error.unwrap_err(), FixtureError::Closing | FixtureError::Connect(_)));

    let everywhere = OneClientServer::builder().all_interfaces().start().await.unwrap();
    case.create_client(&everywhere, |client| client).await.unwrap();
    let (_sender, receiver) = mpsc::unbounded_channel::<DuplexStream>();
    let in_memory = OneClientServer::builder().listener(Streams(receiver)).start().await.unwrap();
    let error = case.create_client(&in_memory, |client| client).await.unwrap_err();
    assert!(matches!(error, FixtureError::NoPort), "{error}");
}

/// `get_next_data` tells in order what came and that the client left, and `next_event` that nothing came.
/// Parity: `get_next_data`, `STD_TIMEOUT`.
#[test_log::test(tokio::test(start_paused = true))]
async fn data_comes_in_order_and_ends_with_the_client() {
    let _entered = MemoryNetwork::new().enter();
    let case = OneClientServerTestCase::new();
    let builder = TestOneClientReadLoopServer::builder().options(|server| server.terminator(b"!"));
    let server = case.create_server(builder).await.unwrap();
    let client = case.create_client(&server, |client| client.terminator(b"!")).await.unwrap();
    client.write(b"one!two!thr").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    assert_eq!(server.get_next_data().await.unwrap(), "two");
    client.close().await;
    assert_eq!(server.get_next_data().await.unwrap(), "");
    let error = case.next_event().await.unwrap_err();
    assert!(matches!(error, FixtureError::Nothing { after } if after == Duration::from_secs(2)), "{error}");
}

/// A read through the test server takes nothing from its handler, until that is stopped.
#[test_log::test(tokio::test)]
async fn a_read_through_the_test_server_takes_nothing_from_its_handler() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(TestOneClientReadLoopServer::builder()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert!(matches!(server.read_str().await, Err(ReadError::HandlerReads)));
    client.write_str("one").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    server.stop_reading().await;
    client.write_str("two").await.unwrap();
    assert_eq!(server.read_str().await.unwrap(), "two");
}

/// A wrong expectation fails the test.
/// Parity: `assert_next_connected`, `connect_queue`.
#[test_log::test(tokio::test)]
#[should_panic(expected = "the next event is")]
async fn an_event_of_the_other_kind_panics() {
    let case = OneClientServerTestCase::new();
    let server =
        case.create_server(OneClientServer::builder().connect_callback(case.connect_callback())).await.unwrap();
    let _client = case.create_client(&server, |client| client).await.unwrap();
    case.assert_next_connected(false).await;
}

/// The failure says where that was expected, of an event of the other kind and of none.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_expectation_is_told_with_its_place() {
    for leaves in [true, false] {
        let _entered = MemoryNetwork::new().enter();
        let case = OneClientServerTestCase::new();
        let builder = OneClientServer::builder().connect_callback(case.connect_callback());
        let server = case.create_server(builder).await.unwrap();
        let client = case.create_client(&server, |client| client).await.unwrap();
        case.assert_next_connected(true).await;
        if leaves {
            client.close().await;
        }
        let place = format!("expected at {}:{}:", file!(), line!() + 1);
        let expecting = async move { case.assert_next_connected(true).await };
        let panic = tokio::spawn(expecting).await.unwrap_err().into_panic();
        let text = panic.downcast::<String>().unwrap();
        assert!(text.starts_with(&place), "{text}");
    }
}

/// What needs another runtime is told where it is asked for.
#[test]
fn what_needs_another_runtime_is_told_with_its_place() {
    let (here, places) = (thread::current().id(), Arc::new(Mutex::new(Vec::new())));
    let (before, noted) = (panic::take_hook(), Arc::clone(&places));
    panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == here {
            noted.lock().unwrap().push(panic.location().map(|place| place.file().to_owned()));
        }
        before(panic);
    }));
    let runtime = Builder::new_multi_thread().build().unwrap();
    let _entered = runtime.enter();
    panic::catch_unwind(|| drop(MemoryNetwork::new().enter())).unwrap_err();
    panic::catch_unwind(|| drop(fail_on_warnings())).unwrap_err();
    assert_eq!(*places.lock().unwrap(), vec![Some(file!().to_owned()); 2]);
}

/// A user's own, which can do nothing here.
struct Controller(Client);

/// A user's own controller is made and waited for, as the next of a server that has had one; what it says when it
/// cannot connect is told, and that it is not admitted.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_controller_is_made_and_waited_for() {
    let _entered = MemoryNetwork::new().enter();
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let make = async |host: String, port| Client::builder(&host, port).connect().await.map(Controller);
    for _ in 0..3 {
        let controller = case.create_controller(&server, make).await.unwrap();
        assert_eq!(server.connection().peer_addr(), controller.0.connection().local_addr());
        assert!(server.is_connected());
        drop(controller);
    }
    let _first = case.create_controller(&server, make).await.unwrap();
    let second = case.create_controller(&server, make).await.map(|_| ()).unwrap_err();
    assert!(matches!(second, FixtureError::NotAdmitted { after: STD_TIMEOUT }), "{second}");

    let fails = case.create_controller(&server, async |_, _| Err::<(), _>("it is broken")).await.unwrap_err();
    assert_eq!(fails.source().unwrap().to_string(), "it is broken");
    let closes = async |_, _| {
        server.close().await;
        Ok::<_, ConnectError>(())
    };
    let closing = case.create_controller(&server, closes).await.unwrap_err();
    assert!(matches!(closing, FixtureError::Closing), "{closing}");
}
