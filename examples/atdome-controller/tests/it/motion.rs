//! Waiting for the mock dome to move, at its own pace, which takes no time here.

use std::time::Duration;

use atdome_controller::{Azimuth, Command, Dome, DomeError, DoorState, Rotation};
use atdome_mock::MockDome;
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;

/// No motion takes longer than half a minute.
const WITHIN: Duration = Duration::from_mins(1);

/// A mock dome in a network of the test, and its controller.
async fn dome() -> (Dome, impl Sized) {
    let entered = MemoryNetwork::new().enter();
    let server = MockDome::new().server().start().await.unwrap();
    let dome = Dome::connect(server.host(), server.port()).await.unwrap();
    (dome, (server, entered))
}

fn azimuth(degrees: f64) -> Azimuth {
    Azimuth::try_from(degrees).unwrap()
}

/// Homing ends at home, homed.
#[test_log::test(tokio::test(start_paused = true))]
async fn homing_waits_until_the_dome_is_homed() {
    let (dome, _mock) = dome().await;
    let status = dome.home(WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.at_home, status.homed), (10.0, true, true));
    assert!(dome.full_status().await.unwrap().has_been_homed);
}

/// A rotation ends at its goal, through north by the shorter way.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_rotation_waits_until_the_dome_is_there() {
    let (dome, _mock) = dome().await;
    let status = dome.rotate_to(azimuth(5.25), WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.last_rotation), (5.25, Some(Rotation::Clockwise)));
    let status = dome.rotate_to(azimuth(355.0), WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.last_rotation), (355.0, Some(Rotation::CounterClockwise)));
    assert_eq!(dome.full_status().await.unwrap().last_azimuth_goto, 355.0);
}

/// Waiting for stillness waits for doors and azimuth.
#[test_log::test(tokio::test(start_paused = true))]
async fn stillness_is_that_of_every_part() {
    let (dome, _mock) = dome().await;
    dome.command(Command::OpenBothDoors).await.unwrap();
    dome.command(Command::Move(azimuth(300.0))).await.unwrap();
    let mut seen = 0;
    let status = dome
        .wait_until(WITHIN, |status| {
            seen += 1;
            !status.move_code.is_moving()
        })
        .await
        .unwrap();
    assert_eq!(
        (status.azimuth, status.main_door.state, status.dropout_door.state),
        (300.0, DoorState::Open, DoorState::Open)
    );
    assert!(seen >= 1, "every status is shown to the closure");
    assert_eq!(dome.wait_until_still(WITHIN).await.unwrap(), status);
}

/// What takes too long is an error, and the link is as good as before.
#[test_log::test(tokio::test(start_paused = true))]
async fn waiting_has_an_end() {
    let (dome, _mock) = dome().await;
    let (begin, within) = (Instant::now(), Duration::from_secs(1));
    let error = dome.rotate_to(azimuth(105.0), within).await.unwrap_err();
    assert_eq!(begin.elapsed(), within);
    assert!(matches!(error, DomeError::NotDone { within: time } if time == within), "{error:?}");
    dome.command(Command::Stop).await.unwrap();
    let status = dome.wait_until_still(WITHIN).await.unwrap();
    assert!(status.azimuth > 285.0 && !status.homed);
}

/// The dome does not say that it refuses `MV` while it is homing; that it is elsewhere afterwards tells.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_refused_rotation_is_an_error() {
    let (dome, _mock) = dome().await;
    dome.command(Command::Home).await.unwrap();
    let error = dome.rotate_to(azimuth(200.0), WITHIN).await.unwrap_err();
    assert!(matches!(error, DomeError::NotThere { azimuth: 10.0, .. }), "{error:?}");
    assert_eq!(error.to_string(), "the dome stands at 10.00 degrees and not at 200.00");
}

/// Homing that somebody stops is an error.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_interrupted_homing_is_an_error() {
    let (dome, _mock) = dome().await;
    let stop = async {
        dome.wait_until(WITHIN, |status| status.move_code.is_homing()).await.unwrap();
        dome.command(Command::Stop).await.unwrap();
    };
    let (homed, ()) = tokio::join!(dome.home(WITHIN), stop);
    assert!(matches!(homed, Err(DomeError::NotHomed { .. })), "{homed:?}");
}
