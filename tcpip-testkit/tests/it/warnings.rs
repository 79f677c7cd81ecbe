//! A warning or an error of a test fails it, and no other test.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Barrier,
    thread,
};

use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{FailOnWarnings, OneClientServerTestCase, eventually, fail_on_warnings};
use tracing::Level;

use crate::logged::Logged;

/// What the guard says when it is dropped.
fn verdict(guard: FailOnWarnings) -> Result<(), String> {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(guard)));
    dropped.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    })
}

struct Fails;

impl ReadAndDispatch for Fails {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read_str().await?;
        Err("the gate is stuck".into())
    }
}

/// What the tasks of a server log is seen, and goes on to `test_log`.
#[test_log::test(tokio::test)]
async fn an_error_of_a_task_fails_the_test() {
    for allows in [false, true] {
        let mut guard = fail_on_warnings();
        if allows {
            guard = guard.allow("the gate is stuck");
        }
        let case = OneClientServerTestCase::new();
        let server = case.create_server(OneClientReadLoopServer::builder(Fails)).await.unwrap();
        let client = case.create_client(&server, |client| client).await.unwrap();
        client.write_str("open").await.unwrap();
        eventually(client.wait_disconnected()).await;
        server.close().await;
        match verdict(guard) {
            Ok(()) => assert!(allows),
            Err(verdict) => {
                assert!(!allows, "{verdict}");
                assert!(
                    verdict.starts_with("1 warning(s) that the test does not allow:\nERROR tcpip_core"),
                    "{verdict}"
                );
                assert!(verdict.contains("the gate is stuck"), "{verdict}");
            }
        }
    }
}

/// Warnings and errors are seen, less is not; fields are part of the text.
#[test_log::test]
fn what_counts_is_a_warning_or_more() {
    let guard = fail_on_warnings().allow("meant").allow(" axis=2");
    tracing::info!("info");
    tracing::debug!("debug");
    tracing::warn_span!("a span is no event").in_scope(|| ());
    tracing::warn!("this is meant");
    tracing::error!(axis = 2, "moved");
    assert!(verdict(guard).is_ok());
    let guard = fail_on_warnings().allow(" axis=2");
    tracing::warn!(target: "dome", axis = 1, rate = ?Some(2.5), "moved");
    tracing::error!("out of {}", "order");
    let expected = [
        "2 warning(s) that the test does not allow:",
        "WARN dome: moved axis=1 rate=Some(2.5)",
        "ERROR it::warnings: out of order",
    ];
    assert_eq!(verdict(guard), Err(expected.join("\n")));
}

/// Whoever subscribes sees what it did before, spans included, and nothing more; and again when the guard is gone.
#[test]
fn the_log_beneath_is_as_before() {
    fn log() {
        let span = tracing::info_span!("moving", axis = 1).in_scope(|| {
            tracing::error!("stuck");
            tracing::warn!("slow");
            tracing::info!("moving");
            tracing::trace!("a step");
            tracing::Span::current()
        });
        span.in_scope(|| tracing::warn!("late"));
    }
    let lines = |logged: &Logged| -> Vec<String> {
        // Without their times.
        logged.text().lines().map(|line| line.split_once(' ').unwrap().1.trim_start().to_owned()).collect()
    };
    for level in [Level::ERROR, Level::WARN, Level::INFO, Level::TRACE] {
        let (logged, _subscribed) = Logged::up_to(level);
        log();
        let before = lines(&logged);
        logged.clear();
        let guard = fail_on_warnings();
        log();
        assert_eq!(lines(&logged), before);
        assert!(verdict(guard).unwrap_err().starts_with("3 warning(s)"));
        logged.clear();
        log();
        assert_eq!(lines(&logged), before);
    }
}

/// Tests at the same time see their own warnings alone.
#[test]
fn tests_do_not_see_each_others_warnings() {
    let (all_watch, all_have_logged) = (Barrier::new(3), Barrier::new(3));
    let verdicts = thread::scope(|scope| {
        let threads = [Some("one"), Some("two"), None].map(|warning| {
            let (all_watch, all_have_logged) = (&all_watch, &all_have_logged);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let guard = fail_on_warnings();
                    all_watch.wait();
                    if let Some(warning) = warning {
                        tokio::spawn(async move { tracing::warn!("{warning}") }).await.unwrap();
                    }
                    all_have_logged.wait();
                    verdict(guard)
                })
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let failed = |warning| Err(format!("1 warning(s) that the test does not allow:\nWARN it::warnings: {warning}"));
    assert_eq!(verdicts, [failed("one"), failed("two"), Ok(())]);
}

/// A test that has failed already says why, and does not abort.
#[test]
fn a_panic_under_way_goes_on() {
    let panic = catch_unwind(|| {
        let _quiet = fail_on_warnings();
        tracing::warn!("before");
        panic!("the first");
    });
    assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "the first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[should_panic(expected = "fail_on_warnings needs a current-thread runtime")]
async fn a_runtime_of_several_threads_is_refused() {
    let _quiet = fail_on_warnings();
}

/// Each guard of a thread has what is logged while it is there, in whatever order they go, and then the log is as
/// before.
#[test]
fn guards_are_dropped_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (logged, _subscribed) = Logged::up_to(Level::INFO);
        let mut guards = [(); 3].map(|()| {
            let guard = fail_on_warnings();
            tracing::warn!("made");
            Some(guard)
        });
        for (gone, index) in order.into_iter().enumerate() {
            tracing::warn!("{gone} gone");
            let made = (0..3 - index).map(|_| "WARN it::warnings: made".to_owned());
            let after = (0..=gone).map(|gone| format!("WARN it::warnings: {gone} gone"));
            let all: Vec<_> = made.chain(after).collect();
            let expected = format!("{} warning(s) that the test does not allow:\n{}", all.len(), all.join("\n"));
            assert_eq!(verdict(guards[index].take().unwrap()), Err(expected), "{order:?}");
        }
        tracing::warn!("nobody minds");
        assert_eq!(logged.text().lines().count(), 7, "{order:?}: {}", logged.text());
        let mut guards = [(); 3].map(|()| Some(fail_on_warnings().allow("meant")));
        for index in order {
            tracing::warn!("this is meant");
            assert_eq!(verdict(guards[index].take().unwrap()), Ok(()), "{order:?}");
        }
    }
}

/// What runs on one thread sees each other's warnings, and may keep guards over whatever is awaited; other threads are
/// not seen.
#[tokio::test]
async fn a_guard_is_kept_while_others_log() {
    let (first_is_there, second_is_there) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let first = async {
        let guard = fail_on_warnings();
        first_is_there.notify_one();
        second_is_there.notified().await;
        tracing::warn!("of the first");
        verdict(guard)
    };
    let second = async {
        first_is_there.notified().await;
        let guard = fail_on_warnings();
        second_is_there.notify_one();
        tokio::task::spawn_blocking(|| tracing::warn!("of another thread")).await.unwrap();
        tracing::warn!("of the second");
        verdict(guard)
    };
    let (first, second) = tokio::join!(biased; first, second);
    assert_eq!(first, Err("1 warning(s) that the test does not allow:\nWARN it::warnings: of the first".to_owned()));
    let both = [
        "2 warning(s) that the test does not allow:",
        "WARN it::warnings: of the first",
        "WARN it::warnings: of the second",
    ];
    assert_eq!(second, Err(both.join("\n")));
}

/// Where the log was taken away from a guard, it does not say that all was well; and whoever has taken it keeps it.
#[test]
fn a_log_that_was_taken_away_is_told() {
    let unseen = |guard| verdict(guard).unwrap_err().starts_with("warnings may have passed fail_on_warnings unseen");
    let guard = fail_on_warnings();
    let (logged, subscribed) = Logged::up_to(Level::INFO);
    assert!(unseen(guard));
    tracing::warn!("logged");
    assert_eq!(logged.text().lines().count(), 1);
    drop(subscribed);

    let (_logged, subscribed) = Logged::up_to(Level::INFO);
    let [first, second] = [(); 2].map(|()| fail_on_warnings());
    drop(subscribed);
    assert!(unseen(second) && unseen(first));

    // One that was there only for a while is none of it.
    let guard = fail_on_warnings();
    drop(Logged::up_to(Level::INFO));
    tracing::warn!("seen");
    assert!(verdict(guard).unwrap_err().starts_with("1 warning(s)"));
    let guard = fail_on_warnings();
    tracing::warn!("seen");
    let _subscribed = Logged::up_to(Level::INFO);
    assert!(verdict(guard).unwrap_err().starts_with("1 warning(s)"), "what was seen comes first");
}

/// The log of a thread may be that of another one: a guard that is made there is of that thread nevertheless.
#[test]
fn a_guard_is_of_its_thread_alone() {
    let guard = fail_on_warnings();
    let log = tracing::dispatcher::get_default(Clone::clone);
    let (is_made, is_over) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            tracing::dispatcher::with_default(&log, || {
                let guard = fail_on_warnings();
                tracing::warn!("there");
                is_made.wait();
                is_over.wait();
                verdict(guard)
            })
        });
        is_made.wait();
        tracing::warn!("here");
        assert!(verdict(guard).unwrap_err().ends_with(": there\nWARN it::warnings: here"));
        tracing::warn!("nobody minds");
        is_over.wait();
        let there = there.join().unwrap();
        assert_eq!(there, Err("1 warning(s) that the test does not allow:\nWARN it::warnings: there".to_owned()));
    });
}

/// A guard that a task of `tokio::spawn` keeps over an `await` does not compile.
#[test]
fn a_guard_stays_on_its_thread() {
    trait IsNotSend {
        const IS_SEND: bool = false;
    }
    impl<T> IsNotSend for T {}
    struct Of<T>(std::marker::PhantomData<T>);
    impl<T: Send> Of<T> {
        const IS_SEND: bool = true;
    }
    assert_eq!((Of::<String>::IS_SEND, Of::<FailOnWarnings>::IS_SEND), (true, false));
}
