//! Waiting for what must come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tcpip_testkit::{DEFAULT_EVENTUALLY_TIMEOUT, eventually};
use tokio::time::{Instant, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A condition is looked at once if it holds, else every millisecond until it does; a future gives what it has.
#[test_log::test(tokio::test(start_paused = true))]
async fn it_comes_when_it_comes() {
    let (since, looks) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&looks);
    let nth = move |wanted| {
        let counted = Arc::clone(&counted);
        move || counted.fetch_add(1, Ordering::Relaxed) + 1 >= wanted
    };
    eventually(nth(1)).await;
    assert_eq!((looks.load(Ordering::Relaxed), since.elapsed()), (1, Duration::ZERO));
    tokio::spawn(eventually(nth(11))).await.unwrap();
    assert_eq!((looks.load(Ordering::Relaxed), since.elapsed()), (11, 9 * MILLISECOND));
    let slow = async {
        sleep(DEFAULT_EVENTUALLY_TIMEOUT.saturating_sub(MILLISECOND)).await;
        "late"
    };
    assert_eq!(eventually(slow).await, "late");
}

/// What does not come fails the test after [`DEFAULT_EVENTUALLY_TIMEOUT`], with the place where it was awaited.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_does_not_come_is_told_with_its_place() {
    let since = Instant::now();
    let place = format!("{}:{}:", file!(), line!() + 1);
    let never = eventually(|| false);
    let panic = tokio::spawn(never).await.unwrap_err().into_panic();
    let text = panic.downcast::<String>().unwrap();
    assert!(text.contains(&place) && text.contains(&format!("{DEFAULT_EVENTUALLY_TIMEOUT:?}")), "{text}");
    assert_eq!(since.elapsed(), DEFAULT_EVENTUALLY_TIMEOUT);
    let panic = tokio::spawn(eventually(std::future::pending::<()>())).await.unwrap_err().into_panic();
    assert!(panic.downcast::<String>().unwrap().contains(file!()));

    let since = Instant::now();
    let short = eventually(|| false).within(MILLISECOND);
    tokio::spawn(short).await.unwrap_err();
    assert_eq!(since.elapsed(), MILLISECOND);
    eventually(sleep(2 * DEFAULT_EVENTUALLY_TIMEOUT)).within(3 * DEFAULT_EVENTUALLY_TIMEOUT).await;
}
