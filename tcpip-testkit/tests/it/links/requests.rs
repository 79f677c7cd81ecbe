//! Requests over a link, whose sessions come and go.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
};

use tcpip_client::{Backoff, Cause, Client, RequestOptions, Sent};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use super::{PORT, SECOND, TICK, by_hand, link, serve};
use crate::{
    cut::cut,
    seeded::{Random, requests},
};

/// A request may wait for the link, and no longer than it is told to; a link that is closed is not waited for.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_request_may_wait_for_the_link() {
    let network = MemoryNetwork::new();
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
    let link = runtime.block_on(async { link(&MemoryNetwork::new()).requests(options).start() });
    let mut asking = pin!(link.ask("?"));
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(runtime);
    assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready(), "it is closed");
}

/// A request that the device never answers ends the session, and the link is up again.
#[test_log::test(tokio::test)]
async fn a_late_reply_costs_one_session() {
    let (listener, link) = by_hand().await;
    let link = link.backoff(Backoff::exponential(TICK, TICK)).start();
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
    let network = MemoryNetwork::new();
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
