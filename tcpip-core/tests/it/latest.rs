//! A value that callers wait for.

use std::sync::Arc;

use tcpip_core::Latest;
use tokio_test::{assert_pending, assert_ready_eq, task::spawn};

/// Every waiter gets the value that comes next, and not the one that is there.
#[test]
fn next_waits_for_another_value() {
    let latest = Latest::new();
    latest.set(1);
    let mut waiters = [spawn(latest.next()), spawn(latest.next())];
    for waiter in &mut waiters {
        assert_pending!(waiter.poll());
    }
    latest.set(2);
    for waiter in &mut waiters {
        assert!(waiter.is_woken());
        assert_ready_eq!(waiter.poll(), Some(2));
    }
    assert_eq!(latest.get(), Some(2));
}

/// A value that was set before the end is not lost by the end.
#[test]
fn the_last_value_comes_before_the_end() {
    let latest = Latest::new();
    let mut waiter = spawn(latest.next());
    assert_pending!(waiter.poll());
    latest.set(1);
    latest.close();
    assert_ready_eq!(waiter.poll(), Some(1));
    assert_ready_eq!(spawn(latest.next()).poll(), None);
    assert_eq!(latest.get(), Some(1));
}

/// `wait_for` takes the value that is there if that is wanted, else one that comes, and none once it is closed without.
#[test]
fn wait_for_takes_what_is_wanted() {
    let latest = Latest::new();
    let mut three = spawn(latest.wait_for(|&value| value == 3));
    assert_pending!(three.poll());
    latest.set(1);
    assert_ready_eq!(spawn(latest.wait_for(|&value| value == 1)).poll(), Some(1));
    assert_pending!(three.poll());
    latest.set(3);
    assert_ready_eq!(three.poll(), Some(3));
    let mut four = spawn(latest.wait_for(|&value| value == 4));
    assert_pending!(four.poll());
    latest.close();
    assert_ready_eq!(four.poll(), None);
    assert_ready_eq!(spawn(latest.wait_for(|&value| value == 3)).poll(), Some(3));
}

/// An interruption wakes those who wait, with the value that came before it if one did; who waits later waits for the
/// next, and the latest stays.
#[test]
fn an_interruption_ends_the_waits_and_not_the_series() {
    let latest = Latest::new();
    let (mut next, mut wanted) = (spawn(latest.next()), spawn(latest.wait_for(|&value| value == 2)));
    assert_pending!(next.poll());
    assert_pending!(wanted.poll());
    latest.set(1);
    latest.interrupt();
    assert_ready_eq!(next.poll(), Some(1));
    assert_ready_eq!(wanted.poll(), None);
    let (mut next, mut wanted) = (spawn(latest.next()), spawn(latest.wait_for(|&value| value == 2)));
    assert_pending!(next.poll());
    assert_pending!(wanted.poll());
    assert_eq!(latest.get(), Some(1));
    latest.set(2);
    assert_ready_eq!(next.poll(), Some(2));
    assert_ready_eq!(wanted.poll(), Some(2));
}

/// A value that is taken away is one that has not come: who waits for one gets the next, and who waited for the next
/// goes on.
#[test]
fn what_is_cleared_has_not_come() {
    let latest = Latest::new();
    latest.set(1);
    let mut next = spawn(latest.next());
    assert_pending!(next.poll());
    latest.clear();
    assert!(!next.is_woken());
    assert_eq!(latest.get(), None);
    let mut any = spawn(latest.wait_for(|_| true));
    assert_pending!(any.poll());
    latest.set(2);
    assert_ready_eq!(next.poll(), Some(2));
    assert_ready_eq!(any.poll(), Some(2));
}

/// One task sets, others wait: each sees the values in order, without those that came while it was busy, and the last.
#[tokio::test]
async fn waiters_see_the_last_value() {
    let latest = Arc::new(Latest::new());
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let latest = Arc::clone(&latest);
            tokio::spawn(async move {
                let mut seen = vec![0];
                while let Some(value) = latest.next().await {
                    seen.push(value);
                }
                seen
            })
        })
        .collect();
    for value in 1..=100 {
        latest.set(value);
        tokio::task::yield_now().await;
    }
    latest.close();
    for waiter in waiters {
        let seen = waiter.await.unwrap();
        assert!(seen.is_sorted() && seen.len() > 1, "{seen:?}");
    }
    assert_eq!(latest.get(), Some(100));
}
