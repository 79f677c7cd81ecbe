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
    catch_unwind(AssertUnwindSafe(|| drop(guard))).map_err(|panic| *panic.downcast::<String>().unwrap())
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
