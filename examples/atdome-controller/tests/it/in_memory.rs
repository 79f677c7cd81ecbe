//! The controller and the mock as they are, in a network in memory: the dome's own pace, and no time.

use std::time::Duration;

use atdome_controller::{DEFAULT_POLL_INTERVAL, Dome, DomeError};
use atdome_mock::MockDome;
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;

const WITHIN: Duration = Duration::from_mins(1);

/// Homing takes the dome 14 seconds of way and one of creeping, and whoever asks sees it when he asks next.
#[test_log::test(tokio::test(start_paused = true))]
async fn homing_takes_fifteen_seconds() {
    let network = MemoryNetwork::new();
    let _entered = network.enter();
    let server = MockDome::new().server().host("dome").port(17310).start().await.unwrap();
    let dome = Dome::connect("dome", 17310).await.unwrap();
    let begin = Instant::now();
    let status = dome.home(WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.homed, begin.elapsed().as_secs()), (10.0, true, 15));
    assert!(begin.elapsed() < Duration::from_secs(15) + DEFAULT_POLL_INTERVAL, "{:?}", begin.elapsed());
    server.close().await;
}

/// A dome whose cable is unplugged cannot be connected to, and can when it is plugged in again. It has moved meanwhile.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_unplugged_dome_goes_on_homing() {
    let network = MemoryNetwork::new();
    let _entered = network.enter();
    let server = MockDome::new().server().host("dome").port(17310).start().await.unwrap();
    let dome = Dome::connect("dome", 17310).await.unwrap();
    dome.command(atdome_controller::Command::Home).await.unwrap();

    let unplugged = network.host("dome").black_hole();
    server.close_client().await;
    let (begin, timeout) = (Instant::now(), Duration::from_secs(3));
    let error = Dome::builder("dome", 17310).connect_timeout(timeout).connect().await.unwrap_err();
    assert!(matches!(error, DomeError::Link(_)), "{error:?}");
    assert_eq!(begin.elapsed(), timeout);
    tokio::time::sleep(Duration::from_secs(12)).await;
    drop(unplugged);

    dome.link().ready().await.unwrap();
    let status = dome.short_status().await.unwrap();
    assert_eq!((status.azimuth, status.homed), (10.0, true));
    server.close().await;
}
