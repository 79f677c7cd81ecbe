//! A client that comes back.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use tcpip_client::{
    Backoff, Cause, Client, ConnectError, DisconnectReason, Filter, Framing, Link, LinkBuilder, LinkError, LinkState,
    Network, RequestOptions, Requester, Sent, Shape, WireLog, line,
};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::{Instant, sleep, timeout},
};
use tracing::Level;

use crate::{
    cut::cut,
    logged::Logged,
    seeded::{Random, requests},
    telling_network::TellingNetwork,
};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);
const PORT: u16 = 5025;

/// A device that greets, and answers each line with itself.
struct Echo;

impl ReadAndDispatch for Echo {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        connection.write_str("welcome").await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        if line == "hang up" {
            return Err("it was told to".into());
        }
        connection.write_str(&line).await?;
        Ok(())
    }
}

fn network() -> MemoryNetwork {
    MemoryNetwork::new()
}

fn link(network: &(impl Network + Clone)) -> LinkBuilder {
    Client::builder("device", PORT)
        .network(network)
        .link()
        .backoff(Backoff::exponential(SECOND, 8 * SECOND).seed(7))
        .handshake(|session| async move {
            assert_eq!(session.receive(line()).await?, "welcome");
            Ok(())
        })
}

async fn serve(network: &(impl Network + Clone)) -> OneClientReadLoopServer<Echo> {
    OneClientReadLoopServer::builder(Echo).network(network).host("device").port(PORT).start().await.unwrap()
}

/// With a handshake that waits for a greeting.
fn greeted(link: LinkBuilder) -> LinkBuilder {
    link.handshake(|session| async move {
        session.receive(line()).await?;
        Ok(())
    })
}

/// Why the next attempt fails.
async fn failure(states: &mut tokio::sync::watch::Receiver<LinkState>) -> LinkError {
    eventually(async {
        loop {
            if let LinkState::Backoff { error, .. } = next(states).await {
                break error;
            }
        }
    })
    .await
}

/// The state that comes next.
async fn next(states: &mut tokio::sync::watch::Receiver<LinkState>) -> LinkState {
    states.changed().await.unwrap();
    states.borrow_and_update().clone()
}

/// Who is given the builder of a link adds to the options of its client.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_options_of_its_client_may_be_added_to() {
    let network = network();
    let _device = serve(&network).await;
    let log = WireLog::ring(10);
    let link = link(&network).client(|client| client.wire_log(&log)).connect().await.unwrap();
    assert_eq!(link.ask("one").await.unwrap(), "one");
    assert_eq!(log.frames().len(), 3, "{log}");
}

/// It is a valid handle while the device is down: requests fail at once, and nothing is sent; it comes back by itself
/// when the device does, and says at each moment what it is at.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_comes_back_by_itself() {
    let network = network();
    let link = link(&network).start();
    let error = link.ask("early").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    let mut states = link.states();
    let mut due = Instant::now();
    for expected in 1..6 {
        // A watch has the last state alone: that it connects again takes no time here.
        let (attempt, pause, error) = loop {
            match next(&mut states).await {
                LinkState::Backoff { attempt, pause, error } => break (attempt, pause, error),
                LinkState::Connecting { .. } => {}
                state => panic!("{state:?}"),
            }
        };
        assert!(Instant::now() >= due && Instant::now() < due + 10 * TICK);
        due = Instant::now() + pause;
        assert_eq!(attempt, expected);
        let is_refused = matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::Refused { .. }));
        assert!(is_refused, "{error:?}");
        let shortest = SECOND * 2_u32.pow(u32::try_from(expected).unwrap() - 1).min(8);
        assert!((shortest..=2 * shortest).contains(&pause), "{pause:?} for the {expected}th time");
    }
    let server = serve(&network).await;
    link.ready().await.unwrap();
    assert!(link.is_ready());
    assert_eq!(link.ask("one").await.unwrap(), "one");
    let mut states = link.states();
    states.borrow_and_update();
    link.ask("hang up").await.unwrap_err();
    assert!(!link.is_ready(), "the session has ended");
    let state = next(&mut states).await;
    let LinkState::Backoff { attempt, error, .. } = state else { panic!("{state:?}") };
    assert!(matches!(&error, LinkError::Lost { .. }) && attempt == 0, "a reply has come: {attempt}, {error:?}");
    link.ready().await.unwrap();
    assert_eq!(link.ask("two").await.unwrap(), "two");
    link.close().await;
    assert!(matches!(*link.states().borrow(), LinkState::Closed));
    link.ready().await.unwrap_err();
    server.close().await;
}

/// A handshake that fails, or has no end, is an attempt that failed; one that is refused for good ends the link.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handshake_comes_before_ready() {
    let network = network();
    let server = serve(&network).await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let link = link(&network)
        .handshake_timeout(3 * SECOND)
        .final_when(|error| matches!(error, LinkError::Handshake(error) if error.to_string().contains("password")))
        .handshake(move |session| {
            let tries = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                session.receive(line()).await?;
                match tries {
                    0 => Err("not yet".into()),
                    1 => std::future::pending().await,
                    2 => panic!("as a handshake may"),
                    3 => {
                        assert_eq!(session.ask("hello").await?, "hello");
                        Ok(())
                    }
                    _ => Err("wrong password".into()),
                }
            }
        })
        .start();
    let mut states = link.states();
    let mut errors = Vec::new();
    loop {
        match next(&mut states).await {
            LinkState::Backoff { error, .. } => errors.push(error.to_string()),
            LinkState::Ready => break,
            _ => {}
        }
    }
    assert_eq!(
        errors,
        [
            "the handshake failed: not yet",
            "the handshake has not ended for 3s",
            "the handshake failed: it panicked: as a handshake may",
        ]
    );
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.ask("hang up").await.unwrap_err();
    let error = link.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "the handshake failed: wrong password");
    let error = link.ask("?").await.unwrap_err();
    assert_eq!(error.to_string(), "\"?\\r\\n\": not connected: the handshake failed: wrong password");
    assert!(matches!(*link.states().borrow(), LinkState::Failed { .. }));
    assert_eq!(tries.load(Ordering::Relaxed), 5);
    link.close().await;
    server.close().await;
}

/// What says which errors are for good may panic: it has not said so, and the link goes on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_panic_of_what_is_final_is_not_final() {
    let network = network();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let link = link(&network)
        .final_when(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("as a closure may")
        })
        .start();
    let mut states = link.states();
    for _ in 0..2 {
        while !matches!(next(&mut states).await, LinkState::Backoff { .. }) {}
    }
    let server = serve(&network).await;
    link.ready().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.ask("hang up").await.unwrap_err();
    link.ready().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    link.close().await;
    server.close().await;
}

/// So many attempts in a row are the last; `connect` fails with the first.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_budget_is_spent() {
    let network = TellingNetwork::default();
    let given_up = link(&network).backoff(Backoff::exponential(TICK, SECOND).at_most(3)).start();
    let error = given_up.ready().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)));
    assert_eq!(network.asked().iter().filter(|asked| asked.starts_with("look up")).count(), 3);
    let error = link(&network).connect().await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
    let server = serve(&network).await;
    let link = link(&network).backoff(Backoff::exponential(TICK, SECOND).at_most(3)).connect().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    network.asked();
    server.close().await;
    link.ready().await.unwrap_err();
    let attempts = network.asked().iter().filter(|asked| asked.starts_with("look up")).count();
    assert_eq!(attempts, 3, "the session that was lost is no attempt that failed");
}

/// An attempt that fails, of a link that goes on, is in the log. Of one that gives up, who waits for it has the error.
#[tokio::test(start_paused = true)]
async fn the_log_says_what_is_tried_again() {
    let network = network();
    let (log, _logging) = Logged::up_to(Level::INFO);
    link(&network).connect().await.unwrap_err();
    assert_eq!(log.text(), "");
    let started = link(&network).start();
    failure(&mut started.states()).await;
    let warning = "device:5025: cannot connect to device:5025: 10.0.0.1:5025 refused the connection: tried again in";
    assert!(log.text().contains(warning), "{}", log.text());
    started.close().await;

    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    server.close().await;
    failure(&mut link.states()).await;
    assert!(log.text().contains("device:5025: lost: closed by the peer: tried again in"), "{}", log.text());
    link.close().await;
}

/// A device that accepts and hangs up is tried at the pace of the backoff, and said to turn this client away.
#[test_log::test(tokio::test)]
async fn who_is_turned_away_does_not_storm() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = Client::builder("127.0.0.1", port).link().backoff(Backoff::exponential(20 * TICK, 20 * TICK));
    for link in [link.clone(), greeted(link)] {
        let link = link.start();
        let mut states = link.states();
        let begin = Instant::now();
        for _ in 0..10 {
            drop(eventually(listener.accept()).await.unwrap());
            let error = failure(&mut states).await;
            assert!(matches!(&error, LinkError::TurnedAway { .. }), "{error:?}");
        }
        assert!(begin.elapsed() >= 9 * 20 * TICK, "{:?}", begin.elapsed());
        eventually(link.close()).await;
    }
}

/// A device that takes a command, and hangs up without a word, has said nothing of use: it does not begin the pauses
/// anew.
#[test_log::test(tokio::test)]
async fn what_is_told_proves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = Client::builder("127.0.0.1", port).link().backoff(Backoff::exponential(TICK, 100 * SECOND)).start();
    for expected in 1..4 {
        let (mut device, _) = eventually(listener.accept()).await.unwrap();
        eventually(link.ready()).await.unwrap();
        eventually(link.tell("?")).await.unwrap();
        eventually(device.read_exact(&mut [0; 3])).await.unwrap();
        drop(device);
        let is_it = |state: &LinkState| matches!(state, LinkState::Backoff { .. });
        let state = eventually(link.states().wait_for(is_it)).await.unwrap().clone();
        assert!(matches!(state, LinkState::Backoff { attempt, .. } if attempt == expected), "{expected}: {state:?}");
    }
    eventually(link.close()).await;
}

/// Nor does a reply that is none: each loss is another failed attempt.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_does_not_convert_proves_nothing() {
    let network = network();
    let server = serve(&network).await;
    let link = link(&network).backoff(Backoff::exponential(TICK, 100 * SECOND)).start();
    for expected in 1..4 {
        link.ready().await.unwrap();
        let number = link.ask_for("no number", line().try_map(|reply| reply.parse::<f64>())).await;
        assert!(matches!(number.unwrap_err().cause(), Cause::Value(_)));
        server.close_client().await;
        let is_it = |state: &LinkState| matches!(state, LinkState::Backoff { .. });
        let state = link.states().wait_for(is_it).await.unwrap().clone();
        assert!(matches!(state, LinkState::Backoff { attempt, .. } if attempt == expected), "{expected}: {state:?}");
    }
    link.close().await;
}

/// No pause is none, and each session that does not last counts, however short the pauses are.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_rests_between_attempts() {
    let network = network();
    let begin = Instant::now();
    let backoff = Backoff::exponential(Duration::ZERO, Duration::ZERO).at_most(5);
    link(&network).backoff(backoff).start().ready().await.unwrap_err();
    assert!(begin.elapsed() >= 4 * TICK, "{:?}", begin.elapsed());
}

/// A device that says nothing where it should greet is there, and has turned nobody away: the handshake failed.
#[test_log::test(tokio::test)]
async fn a_greeting_that_does_not_come_is_a_handshake_that_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = RequestOptions::new().reply_timeout(20 * TICK);
    let link = greeted(Client::builder("127.0.0.1", port).link().requests(requests)).start();
    let error = failure(&mut link.states()).await;
    assert_eq!(error.to_string(), "the handshake failed: no reply came for 20ms");
}

/// A device that is killed and started again on its port, again and again: each time the link is there again.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_device_that_is_restarted_is_found_again() {
    let first = OneClientReadLoopServer::builder(Echo).start().await.unwrap();
    let port = first.port();
    let link = Client::builder("127.0.0.1", port).link().backoff(Backoff::exponential(TICK, 10 * TICK));
    let link = greeted(link).connect().await.unwrap();
    // Five, and a hundred where a hundred thousand requests are asked for.
    let rounds = (requests() / 1000).max(5);
    let mut server = Some(first);
    for round in 0..rounds {
        eventually(link.ready()).await.unwrap();
        let question = format!("round {round}");
        assert_eq!(eventually(link.ask(&question[..])).await.unwrap(), question);
        let old = server.take().unwrap();
        old.close().await;
        let _ = eventually(link.ask("nobody")).await.unwrap_err();
        server = Some(OneClientReadLoopServer::builder(Echo).port(port).start().await.unwrap());
    }
    eventually(link.ready()).await.unwrap();
    eventually(link.close()).await;
}

/// It is closed in any state, within its deadline; so it is when it is dropped.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_link_is_closed_in_any_state() {
    let network = network();
    let waiting = link(&network).start();
    let mut states = waiting.states();
    while !matches!(next(&mut states).await, LinkState::Backoff { .. }) {}
    let begin = Instant::now();
    waiting.close().await;
    assert!(begin.elapsed() < TICK);
    let server = serve(&network).await;
    let shaking = link(&network).handshake(|_| std::future::pending()).start();
    let mut states = shaking.states();
    while !matches!(next(&mut states).await, LinkState::Handshaking) {}
    shaking.close().await;
    let dropped = link(&network).connect().await.unwrap();
    let connection = dropped.connection();
    let mut states = dropped.states();
    drop(dropped);
    states.wait_for(LinkState::is_final).await.unwrap();
    assert_eq!(connection.reason(), Some(DisconnectReason::Closed));
    server.close().await;
}

/// What trails the last reply of the handshake is nothing to the first request behind it.
#[test_log::test(tokio::test)]
async fn what_trails_a_handshake_is_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link = Client::builder("127.0.0.1", port).link().handshake(|session| async move {
        session.receive(Framing::json_values()).await?;
        Ok(())
    });
    let link = link.start();
    let (mut device, _) = eventually(listener.accept()).await.unwrap();
    device.write_all(b"{\"welcome\": true}\r\n").await.unwrap();
    eventually(link.ready()).await.unwrap();
    let asking = eventually(link.ask("?"));
    let (reply, ()) = tokio::join!(asking, async {
        eventually(device.read_exact(&mut [0; 3])).await.unwrap();
        device.write_all(b"yes\r\n").await.unwrap();
    });
    assert_eq!(reply.unwrap(), "yes");
    eventually(link.close()).await;
}

/// A name that stops resolving is an attempt that failed, each time; when it resolves again, the link is back.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_name_may_stop_resolving() {
    let network = network();
    let server = serve(&network).await;
    let link = link(&network).connect().await.unwrap();
    let unknown = network.host("device").unknown();
    link.ask("hang up").await.unwrap_err();
    for expected in 1..4 {
        let is_it = |state: &LinkState| matches!(state, LinkState::Backoff { attempt, .. } if *attempt == expected);
        let state = link.states().wait_for(is_it).await.unwrap().clone();
        let LinkState::Backoff { error, .. } = state else { unreachable!() };
        let is_unknown = matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::LookUp { .. }))
            || expected == 1 && matches!(&error, LinkError::Lost { .. });
        assert!(is_unknown, "{expected}: {error:?}");
    }
    drop(unknown);
    link.ready().await.unwrap();
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.close().await;
    server.close().await;
}

/// A device that swallows, is late and hangs up.
struct Moody(Mutex<Random>);

impl ReadAndDispatch for Moody {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        let mood = self.0.lock().unwrap().below(20);
        match mood {
            0 => return Ok(()),
            1 => sleep(3 * SECOND).await,
            2 => return Err("in a bad mood".into()),
            _ => {}
        }
        connection.write_str(&line).await?;
        if mood == 3 { Err("in a worse one".into()) } else { Ok(()) }
    }
}

/// Tasks that share a link, while its sessions come and go: each has its own replies, and none waits for ever.
#[test_log::test(tokio::test(start_paused = true))]
async fn no_reply_is_anothers_over_all_sessions() {
    let network = network();
    let moody = OneClientReadLoopServer::builder(Moody(Mutex::new(Random(7))));
    let server = moody.network(&network).host("device").port(PORT).start().await.unwrap();
    let link = Client::builder("device", PORT).network(&network).link().backoff(Backoff::exponential(TICK, 100 * TICK));
    let options = RequestOptions::new().reply_timeout(2 * SECOND).ready_timeout(SECOND).turn_timeout(60 * SECOND);
    let link = Arc::new(link.requests(options.retries(2)).start());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let link = Arc::clone(&link);
        tasks.spawn(async move {
            let mut answered = 0;
            for number in 0..requests() / 8 {
                let question = format!("task {task}, question {number}");
                // Some lose their patience at once, others never.
                let patience = if number % 7 == 0 { TICK } else { 1000 * SECOND };
                match timeout(patience, link.ask(&question[..])).await {
                    Ok(Ok(reply)) => {
                        assert_eq!(reply, question);
                        answered += 1;
                    }
                    Ok(Err(_)) => {}
                    Err(_) => assert_eq!(patience, TICK, "it never hangs"),
                }
            }
            answered
        });
    }
    let mut answered = 0;
    while let Some(task) = tasks.join_next().await {
        answered += task.unwrap();
    }
    println!("{answered} of {} answered", requests());
    assert!(answered > requests() / 4, "{answered} of {}", requests());
    link.close().await;
    server.close().await;
}

/// A request that the device never answers ends the session, and the link is up again.
#[test_log::test(tokio::test)]
async fn a_late_reply_costs_one_session() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let link: Link = Client::builder("127.0.0.1", port).link().backoff(Backoff::exponential(TICK, TICK)).start();
    let (mut first, _) = eventually(listener.accept()).await.unwrap();
    eventually(link.ready()).await.unwrap();
    let impatient = link.with(|options| options.reply_timeout(20 * TICK));
    let error = eventually(impatient.ask("?")).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let _ = first.write_all(b"late\r\n").await;
    let (mut second, _) = eventually(listener.accept()).await.unwrap();
    eventually(link.ready()).await.unwrap();
    let asking = eventually(link.ask("?"));
    let (reply, ()) = tokio::join!(asking, async {
        let mut command = [0; 3];
        eventually(second.read_exact(&mut command)).await.unwrap();
        second.write_all(b"in time\r\n").await.unwrap();
    });
    assert_eq!(reply.unwrap(), "in time");
    eventually(link.close()).await;
}

/// A request may wait for the link, and no longer than it is told to; a link that is closed is not waited for.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_request_may_wait_for_the_link() {
    let network = network();
    let link = link(&network).requests(RequestOptions::new().ready_timeout(5 * SECOND)).start();
    let begin = Instant::now();
    let error = link.ask("early").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    assert!((5 * SECOND..5 * SECOND + 10 * TICK).contains(&begin.elapsed()));
    let impatient = link.with(|options| options.ready_timeout(None));
    impatient.ask("at once").await.unwrap_err();
    assert!(begin.elapsed() < 5 * SECOND + 10 * TICK);
    let patient = link.with(|options| options.ready_timeout(100 * SECOND));
    let (reply, server) = tokio::join!(patient.ask("?"), async {
        sleep(SECOND).await;
        serve(&network).await
    });
    assert_eq!(reply.unwrap(), "?");
    // So may one that comes as a session has ended of which not all was read,
    let mut dropped = Box::pin(link.ask("dropped"));
    assert!(cut(1, &mut dropped).await.is_none());
    sleep(TICK).await;
    drop(dropped);
    assert_eq!(patient.ask("behind it").await.unwrap(), "behind it");
    // and one in the queue of a session that ends.
    let (hung_up, queued) = tokio::join!(link.ask("hang up"), patient.ask("queued"));
    hung_up.unwrap_err();
    assert_eq!(queued.unwrap(), "queued");
    let (hung_up, queued) = tokio::join!(link.ask("hang up"), patient.exclusive());
    hung_up.unwrap_err();
    assert_eq!(queued.unwrap().ask("exclusive").await.unwrap(), "exclusive");
    link.close().await;
    let begin = Instant::now();
    link.ask("closed").await.unwrap_err();
    assert!(begin.elapsed() < TICK);
    server.close().await;
}

/// A link is waited for by whatever polls the request.
#[test]
fn a_link_is_waited_for_without_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = RequestOptions::new().ready_timeout(SECOND);
    let link = runtime.block_on(async { link(&network()).requests(options).start() });
    let mut asking = pin!(link.ask("?"));
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(runtime);
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready(), "it is closed");
}

/// A filter that looks at the link as it is dropped.
struct Looks {
    link: Arc<OnceLock<Requester>>,
    told: UnboundedSender<Option<DisconnectReason>>,
}

impl Filter for Looks {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, _: &mut Vec<u8>) {
        input.extend_from_slice(chunk);
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        let reason = self.link.get().and_then(|link| link.connection().reason());
        let _ = self.told.send(reason);
    }
}

/// What the author of a filter wrote does not run under a lock when a session is replaced.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_session_is_not_dropped_under_a_lock() {
    let network = network();
    let server = serve(&network).await;
    let requester = Arc::new(OnceLock::new());
    let (told, mut dropped) = unbounded_channel();
    let link = Arc::clone(&requester);
    let client = Client::builder("device", PORT).network(&network);
    let client = client.filter(move || Looks { link: Arc::clone(&link), told: told.clone() });
    let link = greeted(client.link()).start();
    requester.set(link.clone()).unwrap();
    link.ready().await.unwrap();
    link.ask("hang up").await.unwrap_err();
    link.ready().await.unwrap();
    assert_eq!(eventually(dropped.recv()).await.unwrap(), None, "the new session is there");
    link.close().await;
    server.close().await;
}
