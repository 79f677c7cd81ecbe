//! Tasks that share the one device.

use tokio::task::JoinSet;

use crate::setup::{IDENTITY, Setup};

/// Eight tasks each get their own replies: no other's kind, and no reading twice.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn eight_tasks_get_their_own_replies() {
    let setup = Setup::new().await;
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let electrometer = setup.electrometer.clone();
        tasks.spawn(async move {
            let mut measured = Vec::new();
            for _ in 0..25 {
                match number % 4 {
                    0 => assert_eq!(electrometer.identity().await.unwrap(), IDENTITY),
                    1 => measured.push(electrometer.measure().await.unwrap()),
                    2 => assert!(electrometer.trace().await.unwrap().is_sorted()),
                    _ => assert!(electrometer.fetch().await.unwrap().is_sorted()),
                }
            }
            assert!(measured.is_sorted(), "{measured:?}");
            measured
        });
    }
    let mut measured = tasks.join_all().await.concat();
    measured.sort_by(f64::total_cmp);
    let all: Vec<f64> = (1..=50).map(|number| f64::from(number) / 1e12).collect();
    assert_eq!(measured, all);
    assert_eq!(setup.link.connection().stats().messages_sent, 200, "all by one session");
}
