//! Waiting for the dome to move, with a mock whose time passes faster.

use std::time::Duration;

use atdome_controller::{Azimuth, Command, Dome, DomeBuilder, DomeError, DoorState, Rotation};
use atdome_mock::MockDome;
use tcpip_testkit::OneClientServerTestCase;

/// No motion of a dome that is 100 times as fast takes longer than 0.3 s.
const SPEED_UP: f64 = 100.0;
const WITHIN: Duration = Duration::from_secs(5);

fn builder(host: &str, port: u16) -> DomeBuilder {
    Dome::builder(host, port).poll_interval(Duration::from_millis(5))
}

fn azimuth(degrees: f64) -> Azimuth {
    Azimuth::try_from(degrees).unwrap()
}

/// Homing ends at home, homed.
#[test_log::test(tokio::test)]
async fn homing_waits_until_the_dome_is_homed() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(SPEED_UP).server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
    let status = dome.home(WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.at_home, status.homed), (10.0, true, true));
    assert!(dome.full_status().await.unwrap().has_been_homed);
}

/// A rotation ends at its goal, through north by the shorter way.
#[test_log::test(tokio::test)]
async fn a_rotation_waits_until_the_dome_is_there() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(SPEED_UP).server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
    let status = dome.rotate_to(azimuth(5.25), WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.last_rotation), (5.25, Some(Rotation::Clockwise)));
    let status = dome.rotate_to(azimuth(355.0), WITHIN).await.unwrap();
    assert_eq!((status.azimuth, status.last_rotation), (355.0, Some(Rotation::CounterClockwise)));
    assert_eq!(dome.full_status().await.unwrap().last_azimuth_goto, 355.0);
}

/// Waiting for stillness waits for doors and azimuth.
#[test_log::test(tokio::test)]
async fn stillness_is_that_of_every_part() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(SPEED_UP).server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
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
#[test_log::test(tokio::test)]
async fn waiting_has_an_end() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
    let within = Duration::from_millis(20);
    let error = dome.rotate_to(azimuth(105.0), within).await.unwrap_err();
    assert!(matches!(error, DomeError::NotDone { within: time } if time == within), "{error:?}");
    dome.command(Command::Stop).await.unwrap();
    let status = dome.wait_until_still(WITHIN).await.unwrap();
    assert!(status.azimuth > 285.0 && !status.homed);
}

/// The dome does not say that it refuses `MV` while it is homing; that it is elsewhere afterwards tells.
#[test_log::test(tokio::test)]
async fn a_refused_rotation_is_an_error() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().speed_up(SPEED_UP / 10.0).server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
    dome.command(Command::Home).await.unwrap();
    let error = dome.rotate_to(azimuth(200.0), WITHIN).await.unwrap_err();
    assert!(matches!(error, DomeError::NotThere { azimuth: 10.0, .. }), "{error:?}");
    assert_eq!(error.to_string(), "the dome stands at 10.00 degrees and not at 200.00");
}

/// Homing that somebody stops is an error.
#[test_log::test(tokio::test)]
async fn an_interrupted_homing_is_an_error() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let dome = builder(server.host(), server.port()).connect().await.unwrap();
    let stop = async {
        dome.wait_until(WITHIN, |status| status.move_code.is_homing()).await.unwrap();
        dome.command(Command::Stop).await.unwrap();
    };
    let (homed, ()) = tokio::join!(dome.home(WITHIN), stop);
    assert!(matches!(homed, Err(DomeError::NotHomed { .. })), "{homed:?}");
}
