//! Telemetry, and the callbacks that are told of it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use moog_client::CallbackResult;
use moog_mock::{MockController, SimpleDevice};
use moog_protocol::{SimpleConfig, SimpleTelemetry, code};
use tcpip_testkit::{OneClientServerTestCase, eventually};
use tokio::time::Instant;

use crate::scripted::{Axis, accept, meet, next_command, send_telemetry};

/// A thousand telemetries a second, with commands between: every one is told, in order, and every command has its
/// status.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn nothing_is_lost_at_a_thousand_a_second() {
    assert_nothing_is_lost(Duration::from_secs(2)).await;
}

/// The same for longer.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
#[ignore = "it takes ten seconds"]
async fn nothing_is_lost_in_ten_seconds() {
    assert_nothing_is_lost(Duration::from_secs(10)).await;
}

async fn assert_nothing_is_lost(long: Duration) {
    let case = OneClientServerTestCase::new();
    let mock = MockController::new(SimpleDevice::new()).enabled().telemetry_interval(Duration::from_millis(1));
    let server = case.create_server(mock.server()).await.unwrap();
    let positions = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&positions);
    let axis = Axis::builder(server.host(), server.port())
        .telemetry_callback(move |telemetry: SimpleTelemetry| {
            let told = Arc::clone(&told);
            async move {
                told.lock().unwrap().push((telemetry.cmd_position.get(), telemetry.curr_position.get()));
                Ok(())
            }
        })
        .connect()
        .await
        .unwrap();
    let began = Instant::now();
    let mut commands: u32 = 0;
    while began.elapsed() < long {
        // Each move begins the count of telemetries anew, from the position that it names: never the last one.
        let goal = f64::from(1 + commands % 24);
        assert_eq!(eventually(axis.run_command(code::MOVE, &[goal])).await.unwrap().counter, commands);
        commands += 1;
        for _ in 0..20 {
            eventually(axis.next_telemetry()).await.unwrap();
        }
    }
    axis.close().await;
    eventually(async {
        while Arc::strong_count(&positions) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let positions = positions.lock().unwrap();
    println!("{} telemetries and {commands} commands in {:?}", positions.len(), began.elapsed());
    let seconds = long.as_secs();
    assert!(positions.len() as u64 > 100 * seconds && u64::from(commands) > 2 * seconds);
    for (last, next) in positions.iter().zip(&positions[1..]) {
        let step = if next.0 == last.0 { next.1 - last.1 } else { next.1 - next.0 };
        assert!((step - 0.001).abs() < 1e-9, "{last:?} then {next:?}");
    }
}

/// A callback that fails, panics or takes its time harms nothing: the next telemetry is told, commands are answered,
/// and the client closes.
#[test_log::test(tokio::test)]
async fn a_callback_that_fails_harms_nothing() {
    let calls = Arc::new(AtomicUsize::new(0));
    let configs = Arc::new(AtomicUsize::new(0));
    let (counted, configured) = (Arc::clone(&calls), Arc::clone(&configs));
    let (axis, controller) = meet(|axis| {
        axis.telemetry_callback(move |_: SimpleTelemetry| {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match call {
                    0 => Err("on purpose".into()),
                    1 => panic!("on purpose"),
                    2 => Ok(()),
                    _ => std::future::pending::<CallbackResult>().await,
                }
            }
        })
        .config_callback(move |_: SimpleConfig| {
            configured.fetch_add(1, Ordering::SeqCst);
            async { Err("on purpose".into()) }
        })
    })
    .await;
    for position in 0..5 {
        let (telemetry, ()) = tokio::join!(axis.next_telemetry(), async {
            tokio::task::yield_now().await;
            send_telemetry(&controller, f64::from(position)).await;
        });
        assert_eq!(telemetry.unwrap().curr_position.get(), f64::from(position));
    }
    eventually(async {
        while calls.load(Ordering::SeqCst) < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(configs.load(Ordering::SeqCst), 1);
    let (answer, ()) = tokio::join!(axis.run_command(code::MOVE, &[1.0]), async {
        let command = next_command(&controller).await;
        accept(&controller, command.counter.get(), 1.0).await;
    });
    answer.unwrap();
    eventually(axis.close()).await;
}

/// A callback may itself send a command. Closing the client lets it go, though it holds the client.
#[test_log::test(tokio::test)]
async fn a_callback_may_send_a_command() {
    let axis = Arc::new(std::sync::OnceLock::<Axis>::new());
    let own = Arc::clone(&axis);
    let (client, controller) = meet(|axis| {
        axis.telemetry_callback(move |_: SimpleTelemetry| {
            let own = Arc::clone(&own);
            async move {
                own.get().ok_or("not yet")?.run_command(code::MOVE, &[6.0]).await?;
                Ok(())
            }
        })
    })
    .await;
    axis.set(client).unwrap();
    send_telemetry(&controller, 0.0).await;
    let command = next_command(&controller).await;
    assert_eq!(command.parameters[0].get(), 6.0);
    accept(&controller, command.counter.get(), 0.0).await;
    axis.get().unwrap().close().await;
    eventually(async {
        while Arc::strong_count(&axis) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
