//! Futures of the library on an executor that is not tokio's, with one big lock as an interpreter has: held while it
//! polls, and taken by its wakers.

use std::{
    pin::pin,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Wake, Waker},
    thread::{self, ThreadId},
    time::Duration,
};

use macro_rules_attribute::apply;
use tcpip_client::{Client, Connection, DisconnectReason, ReadError};
use tcpip_testkit::ExpectExt;
use tokio::{
    io::{AsyncWriteExt, split},
    sync::oneshot,
    time::timeout,
};

use crate::{
    kinds::{Kind, meet, pair},
    over_each_kind::over_each_kind,
};

/// Far longer than anything here takes.
const STUCK: Duration = Duration::from_secs(30);

/// An executor of one thread.
struct Interpreter {
    thread: ThreadId,
    big_lock: Mutex<()>,
    woken: Mutex<bool>,
    changed: Condvar,
    /// What its wakers look at.
    link: Option<Connection>,
}

impl Wake for Interpreter {
    /// As in an interpreter, the thread that has the lock may take it again: a task may wake itself.
    fn wake(self: Arc<Self>) {
        // For ever, if this thread has the session's lock.
        self.link.as_ref().map(Connection::stats);
        let _held = (thread::current().id() != self.thread).then(|| self.big_lock.lock().unwrap());
        *self.woken.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

/// Runs a future with a lock held while it is polled.
fn interpret<T>(future: impl Future<Output = T>) -> T {
    interpret_beside(None, future)
}

/// The same, with wakers that look at a session.
fn interpret_beside<T>(link: impl Into<Option<Connection>>, future: impl Future<Output = T>) -> T {
    let interpreter = Arc::new(Interpreter {
        thread: thread::current().id(),
        big_lock: Mutex::default(),
        woken: Mutex::default(),
        changed: Condvar::new(),
        link: link.into(),
    });
    let waker = Waker::from(Arc::clone(&interpreter));
    let mut future = pin!(future);
    loop {
        let held = interpreter.big_lock.lock().unwrap();
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        drop(held);
        let woken = interpreter.woken.lock().unwrap();
        *interpreter.changed.wait_while(woken, |woken| !*woken).unwrap() = false;
    }
}

/// Runs `work` in a thread of its own, where there is no tokio, and fails if it never ends.
async fn elsewhere(work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = oneshot::channel();
    thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    timeout(STUCK, is_done).await.expect("it is stuck").expect("it has failed");
}

/// How often it is tried.
const ROUNDS: usize = 50;

/// Nobody is woken with a lock held that a poll takes, or the waker: reads, writes behind a full queue and the hang-up.
/// Failure 38.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_waker_may_take_a_lock_that_is_held_while_polling<K: Kind>() {
    let (client, peer) = meet::<K>(|client| client.write_limit(1000)).await;
    // So that each message must wait for the peer.
    client.connection().with_socket(|socket| socket.set_send_buffer_size(64 * 1024).unwrap());
    let (mut reader, mut writer) = split(peer);
    let message = vec![0; 256 * 1024];
    let length = ROUNDS * 2 * message.len();
    let receiving = tokio::spawn(async move { reader.receive(length).await.len() });
    let sending = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            writer.write_all(b"line\r\n").await.unwrap();
            tokio::task::yield_now().await;
        }
        writer
    });
    let link = client.connection();
    elsewhere(move || {
        interpret_beside(link.clone(), async {
            let reading = async {
                for _ in 0..ROUNDS {
                    assert_eq!(link.read_str().await.unwrap(), "line");
                }
            };
            let writing = async {
                for _ in 0..ROUNDS {
                    let (first, second) = tokio::join!(link.write(&message), link.write(&message));
                    first.and(second).unwrap();
                }
            };
            both(reading, writing).await;
        });
    })
    .await;
    assert_eq!(receiving.await.unwrap(), length);
    let writer = sending.await.unwrap();
    let link = client.connection();
    let (waits, has_begun) = oneshot::channel();
    let waiting = tokio::spawn(elsewhere(move || {
        let end = interpret_beside(link.clone(), async {
            waits.send(()).unwrap();
            let (end, ()) = tokio::join!(link.read_str(), link.wait_disconnected());
            end
        });
        assert!(matches!(end, Err(ReadError::EndOfStream { .. } | ReadError::Disconnected { .. })), "{end:?}");
    }));
    has_begun.await.unwrap();
    drop(writer);
    waiting.await.unwrap();
}

/// Waits for both, polled together.
async fn both(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    tokio::join!(first, second);
}

/// Closing, and reading with a deadline, need no tokio where they are polled: the time is that of the session's
/// runtime.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn deadlines_hold_on_a_foreign_executor<K: Kind>() {
    const SHORT: Duration = Duration::from_millis(20);
    let (client, _peer) = meet::<K>(|client| client.read_timeout(SHORT)).await;
    elsewhere(move || {
        assert!(matches!(interpret(client.read_str()), Err(ReadError::Timeout { after: SHORT, .. })));
        interpret(client.close());
        assert!(client.is_closed());
        assert_eq!(client.connection().reason(), Some(DisconnectReason::Closed));
        interpret(Client::closed().close());
    })
    .await;
}

/// `spawn` finds the session's runtime, too.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_task_may_be_spawned_from_a_foreign_executor<K: Kind>() {
    let (client, mut peer) = pair::<K>().await;
    let link = client.connection();
    elsewhere(move || {
        let for_task = link.clone();
        interpret(async {
            link.spawn(async move { for_task.write(b"x").await.unwrap_or_default() });
        });
    })
    .await;
    peer.expect(b"x").await;
}
