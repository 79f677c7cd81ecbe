//! What is made on a thread that has entered a network meets in it.

use std::{panic::catch_unwind, time::Duration};

use tcpip_client::{Backoff, Client};
use tcpip_server::{
    Admission, Connection, HandlerResult, LOCALHOST_IPV4, OneClientReadLoopServer, OneClientServer, ReadAndDispatch,
};
use tcpip_testkit::{MemoryNetwork, OneClientServerTestCase, eventually};
use tokio::{runtime::Builder, time::Instant};

use crate::answer::Answer;

/// A server that greets with its name.
async fn serve(name: &'static str, port: u16) -> OneClientReadLoopServer<Greeter> {
    let builder = OneClientReadLoopServer::builder(Greeter(name)).admission(Admission::Replace);
    builder.port(port).start().await.unwrap()
}

struct Greeter(&'static str);

impl ReadAndDispatch for Greeter {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str(self.0).await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Ok(())
    }
}

/// Who greets a client of this machine.
async fn met(port: u16) -> String {
    let client = Client::builder(LOCALHOST_IPV4, port).connect().await.unwrap();
    let name = eventually(client.read_str()).await.unwrap();
    assert_eq!(client.connection().with_socket(|_| ()).is_some(), name == "sockets");
    name
}

/// Of networks within each other the last counts, and the one before again when that is left; outside of all there are
/// the sockets of the system. In whichever order they are left, those that are not stay.
#[test_log::test(tokio::test)]
async fn networks_nest() {
    let (outer, inner) = (MemoryNetwork::new(), MemoryNetwork::new());
    let over_sockets = serve("sockets", 0).await;
    let port = over_sockets.port();
    let entered = outer.enter();
    let _outer = serve("outer", port).await;
    assert_eq!(met(port).await, "outer");
    let entered_inner = inner.enter();
    let _inner = serve("inner", port).await;
    assert_eq!(met(port).await, "inner");
    drop(entered_inner);
    assert_eq!(met(port).await, "outer");

    let again = inner.enter();
    drop(entered);
    assert_eq!(met(port).await, "inner", "the last still counts");
    let outermost = outer.enter();
    drop(again);
    assert_eq!(met(port).await, "outer");
    drop(outermost);
    assert_eq!(met(port).await, "sockets");
}

/// Tasks that are spawned are in it, other threads are not; a fixture that knows nothing of it is, too.
#[test_log::test(tokio::test)]
async fn tasks_are_in_it_and_other_threads_are_not() {
    let over_sockets = serve("sockets", 0).await;
    let port = over_sockets.port();
    let _entered = MemoryNetwork::new().enter();
    let _server = serve("memory", port).await;
    assert_eq!(tokio::spawn(met(port)).await.unwrap(), "memory");
    let elsewhere = move || Builder::new_current_thread().enable_all().build().unwrap().block_on(met(port));
    assert_eq!(tokio::task::spawn_blocking(elsewhere).await.unwrap(), "sockets");

    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert!(client.connection().with_socket(|_| ()).is_none(), "there is no socket");
}

/// A network that is given goes before the one that is entered.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_network_that_is_given_goes_first() {
    let (given, entered) = (MemoryNetwork::new(), MemoryNetwork::new());
    let _entered = entered.enter();
    let server = OneClientServer::builder().network(&given).host("dome").port(17310).start().await.unwrap();
    assert!(entered.connect("dome", 17310).await.is_err());
    let _client = Client::builder("dome", 17310).network(&given).connect().await.unwrap();
    eventually(server.wait_connected()).await.unwrap();
}

/// What was started in a network stays in it: a link that was started there finds its device again when the network is
/// left. Where its options were made does not matter, nor those of a server.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_stays_in_its_network() {
    let server = OneClientReadLoopServer::builder(Answer { thinking: Duration::ZERO }).host("dome").port(17310);
    let second = Duration::from_secs(1);
    let link = Client::builder("dome", 17310).link().backoff(Backoff::exponential(second, second).seed(7));
    let entered = MemoryNetwork::new().enter();
    let server = server.start().await.unwrap();
    let link = link.connect().await.unwrap();
    assert_eq!(link.ask("status").await.unwrap(), "got status");
    drop(entered);
    eventually(server.close_client()).await;
    eventually(link.connection().wait_disconnected()).await;
    let since = Instant::now();
    eventually(link.ready()).await.unwrap();
    assert_eq!(link.ask("again").await.unwrap(), "got again");
    assert!(since.elapsed() >= second);
    link.close().await;
}

/// It is refused where it could not reach all that a test does, and nothing is entered then.
#[test_log::test]
fn entering_is_refused_on_several_threads_and_on_none() {
    let refusal = |enter: fn()| {
        let panic = catch_unwind(enter).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    let enter = || drop(MemoryNetwork::new().enter());
    let outside = refusal(enter);
    assert!(outside.contains("runtime") && outside.contains(".network(&network)"), "{outside}");
    let on_several = refusal(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async { drop(MemoryNetwork::new().enter()) });
    });
    assert!(on_several.contains("several") && on_several.contains(".network(&network)"), "{on_several}");
}
