//! Links that are up together, or not at all.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use tcpip_client::{Backoff, Client, DisconnectReason, Group, LinkBuilder, LinkError, LinkState};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::time::Instant;

use super::{SECOND, TICK, backoff};

const PORTS: [u16; 2] = [3000, 3001];

struct Echo;

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        connection.write_str(&line).await?;
        Ok(())
    }
}

async fn serve(network: &MemoryNetwork, port: u16) -> OneClientReadLoopServer<Echo> {
    OneClientReadLoopServer::builder(Echo).network(network).host("device").port(port).start().await.unwrap()
}

/// What its callbacks note of all links of a test, in order.
type Told = Arc<Mutex<Vec<String>>>;

fn link(network: &MemoryNetwork, port: u16, group: &Group, told: &Told) -> LinkBuilder {
    let told = Arc::clone(told);
    Client::builder("device", port)
        .network(network)
        .name(&port.to_string())
        .connect_callback(move |event| {
            let reason = event.reason().map(|reason| reason.to_string()).unwrap_or_default();
            told.lock().unwrap().push(format!("{port} {} {reason}", event.is_connected()));
            async {}
        })
        .link()
        .group(group)
        .backoff(Backoff::exponential(SECOND, 8 * SECOND).seed(7))
}

fn taken(told: &Told) -> Vec<String> {
    std::mem::take(&mut *told.lock().unwrap())
}

/// They connect in order and are ready together; when one is lost, the others fall with it, and are told why; all come
/// back, after one pause.
#[test_log::test(tokio::test(start_paused = true))]
async fn they_are_up_together() {
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    let servers = [serve(&network, PORTS[0]).await, serve(&network, PORTS[1]).await];
    let [first, second] = PORTS.map(|port| link(&network, port, &group, &told).start());
    group.ready().await.unwrap();
    assert!(first.is_ready() && second.is_ready() && group.is_ready());
    assert_eq!(taken(&told), ["3000 true ", "3001 true "]);
    assert_eq!(second.ask("?").await.unwrap(), "?");
    let session = first.connection();
    servers[1].close_client().await;
    let (pause, error) = backoff(&first, 0).await;
    assert_eq!(error.to_string(), "another link of the group, 3001, is not up");
    assert_eq!(session.reason(), Some(DisconnectReason::GroupLost));
    assert!(!group.is_ready());
    let begin = Instant::now();
    let (others_pause, error) = backoff(&second, 0).await;
    assert!(matches!(&error, LinkError::Lost { .. }) && others_pause == pause, "{error:?}");
    group.ready().await.unwrap();
    assert!((pause..pause + 10 * TICK).contains(&begin.elapsed()));
    let expected =
        ["3001 false closed by the peer", "3000 false another link of the group was lost", "3000 true ", "3001 true "];
    assert_eq!(taken(&told), expected);
    assert_eq!(first.ask("!").await.unwrap(), "!");
    group.close().await;
    first.ready().await.unwrap_err();
    group.ready().await.unwrap_err();
    assert_eq!(taken(&told), ["3001 false closed at this end", "3000 false closed at this end"]);
}

/// Who connects them together is told why the first attempt failed, whichever link it was, and all are closed; a
/// pause of which nobody could see the state makes no difference.
#[test_log::test(tokio::test(start_paused = true))]
async fn they_connect_together() {
    for missing in 0..2 {
        let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
        let server = serve(&network, PORTS[1 - missing]).await;
        let backoff = Backoff::exponential(Duration::ZERO, Duration::ZERO);
        let links = PORTS.map(|port| link(&network, port, &group, &told).backoff(backoff).start());
        let error = group.connect().await.unwrap_err();
        assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
        for link in links {
            assert!(matches!(*link.states().borrow(), LinkState::Closed), "{link:?}");
        }
        assert!(matches!(group.connect().await, Err(LinkError::Closed)));
        server.close().await;
    }
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    let _servers = [serve(&network, PORTS[0]).await, serve(&network, PORTS[1]).await];
    let [first, second] = PORTS.map(|port| link(&network, port, &group, &told).start());
    group.connect().await.unwrap();
    assert!(first.is_ready() && second.is_ready());
    group.close().await;
}

/// While one of them cannot connect, none is ready; the pauses are those of one backoff.
#[test_log::test(tokio::test(start_paused = true))]
async fn none_is_ready_without_the_others() {
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    let server = serve(&network, PORTS[0]).await;
    let [first, second] = PORTS.map(|port| link(&network, port, &group, &told).start());
    for expected in 1..=4 {
        let (pause, error) = backoff(&first, expected).await;
        assert_eq!(error.to_string(), "another link of the group, 3001, is not up");
        let (others_pause, error) = backoff(&second, expected).await;
        assert!(matches!(&error, LinkError::Connect(_)) && others_pause == pause, "{error:?}");
        assert!(!first.is_ready() && first.ask("?").await.is_err());
    }
    let other = serve(&network, PORTS[1]).await;
    group.ready().await.unwrap();
    assert_eq!(first.ask("?").await.unwrap(), "?");
    drop(second);
    first.states().wait_for(LinkState::is_final).await.unwrap();
    for server in [server, other] {
        server.close().await;
    }
}

/// One is lost while the next is still connecting: that is not waited for.
#[test_log::test(tokio::test(start_paused = true))]
async fn one_that_is_lost_while_another_connects_is_noticed() {
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    let server = serve(&network, PORTS[0]).await;
    let first = link(&network, PORTS[0], &group, &told).start();
    let _unplugged = network.host("other").black_hole();
    let second = Client::builder("other", PORTS[1]).network(&network).link();
    let second = second.group(&group).start();
    second.states().wait_for(|state| matches!(state, LinkState::Connecting { .. })).await.unwrap();
    server.wait_connected().await;
    let begin = Instant::now();
    server.close_client().await;
    let (_, error) = backoff(&first, 1).await;
    assert!(matches!(&error, LinkError::TurnedAway { .. }), "{error:?}");
    assert!(begin.elapsed() < SECOND, "{:?}", begin.elapsed());
    let (_, error) = backoff(&second, 1).await;
    assert!(matches!(&error, LinkError::GroupLost { .. }), "{error:?}");
    group.close().await;
    server.close().await;
}

/// One that joins when the others are ready is brought up beside them; one that cannot come has them fall; one that
/// joins a group that is over is over.
#[test_log::test(tokio::test(start_paused = true))]
async fn one_may_join_later() {
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    group.ready().await.unwrap();
    let servers = [serve(&network, PORTS[0]).await, serve(&network, PORTS[1]).await];
    let first = link(&network, PORTS[0], &group, &told).connect().await.unwrap();
    let second = link(&network, PORTS[1], &group, &told).connect().await.unwrap();
    assert!(group.is_ready());
    assert_eq!((first.ask("1").await.unwrap(), second.ask("2").await.unwrap()), ("1".to_owned(), "2".to_owned()));
    let error = link(&network, 3002, &group, &told).connect().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
    assert!(!group.is_ready() && !first.is_ready());
    let late = link(&network, PORTS[0], &group, &told).start();
    late.ready().await.unwrap_err();
    for server in servers {
        server.close().await;
    }
}

/// An error that is final for one of them is so for all.
#[test_log::test(tokio::test(start_paused = true))]
async fn one_that_gives_up_ends_all() {
    let (network, group, told) = (MemoryNetwork::new(), Group::new(), Told::default());
    let server = serve(&network, PORTS[0]).await;
    let first = link(&network, PORTS[0], &group, &told).start();
    let second = link(&network, PORTS[1], &group, &told).final_when(|_| true).start();
    let error = first.ready().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
    assert_eq!(second.ready().await.unwrap_err().to_string(), error.to_string());
    assert_eq!(group.ready().await.unwrap_err().to_string(), error.to_string());
    server.close().await;
}

/// Who joins a group that is over is told so, whether it starts or connects.
#[test_log::test(tokio::test(start_paused = true))]
async fn nobody_joins_a_group_that_is_over() {
    let (network, told) = (MemoryNetwork::new(), Told::default());
    let both = Group::new();
    let first = link(&network, PORTS[0], &both, &told).start();
    eventually(both.close()).await;
    assert!(matches!(*first.states().borrow(), LinkState::Closed));
    let started = link(&network, PORTS[1], &both, &told).start();
    assert!(matches!(eventually(started.ready()).await, Err(LinkError::Closed)));
    let connected = eventually(link(&network, PORTS[1], &both, &told).connect()).await;
    assert!(matches!(connected, Err(LinkError::Closed)), "{connected:?}");
}

/// A link that cannot start leaves its group as it was; one whose runtime is gone is closed, wherever that is waited
/// for, also where nothing of it has run.
#[test]
fn a_link_needs_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (network, told, both) = (MemoryNetwork::new(), Told::default(), Group::new());
    catch_unwind(AssertUnwindSafe(|| link(&network, PORTS[0], &both, &told).start())).unwrap_err();
    let first = runtime();
    let has_run = first.block_on(async {
        let server = serve(&network, PORTS[0]).await;
        let link = link(&network, PORTS[0], &both, &told).start();
        eventually(link.ready()).await.unwrap();
        server.close().await;
        link
    });
    let has_not = first.block_on(async { link(&network, PORTS[0], &Group::new(), &told).start() });
    drop(first);
    runtime().block_on(async {
        for link in [has_run, has_not] {
            eventually(link.ready()).await.unwrap_err();
            eventually(link.close()).await;
            assert!(matches!(*link.states().borrow(), LinkState::Closed));
        }
    });
}
