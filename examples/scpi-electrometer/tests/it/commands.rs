//! Each command, and what its reply becomes.

use scpi_electrometer::{Electrometer, NotAReading};
use tcpip_client::{Cause, RequestError};

use crate::setup::{IDENTITY, Setup};

fn is_no_reading<T>(outcome: Result<T, RequestError>, expected: &NotAReading) -> bool {
    let Err(error) = outcome else { return false };
    matches!(error.cause(), Cause::Value(error) if error.downcast_ref() == Some(expected))
}

/// Every command has its reply, whichever way that ends.
#[test_log::test(tokio::test)]
async fn every_command_has_its_reply() {
    let setup = Setup::new().await;
    let electrometer = &setup.electrometer;
    assert_eq!(electrometer.identity().await.unwrap(), IDENTITY);
    assert_eq!(electrometer.trace().await.unwrap(), [0.0; 0]);
    assert_eq!(electrometer.fetch().await.unwrap(), [0.0; 0]);
    assert_eq!(electrometer.measure().await.unwrap(), 1e-12);
    assert_eq!(electrometer.measure().await.unwrap(), 2e-12);
    assert_eq!(electrometer.trace().await.unwrap(), [1e-12, 2e-12]);
    assert_eq!(electrometer.fetch().await.unwrap(), [1e-12, 2e-12]);
}

/// A current beyond the range is an error of that reply alone, and so is a command that the device does not know.
#[test_log::test(tokio::test)]
async fn what_is_no_reading_costs_its_reply_alone() {
    let setup = Setup::new().await;
    let electrometer = &setup.electrometer;
    setup.mock.handler().set_overloaded(true);
    assert!(is_no_reading(electrometer.measure().await, &NotAReading::BeyondRange));
    assert!(is_no_reading(electrometer.trace().await, &NotAReading::BeyondRange));
    assert!(is_no_reading(electrometer.fetch().await, &NotAReading::BeyondRange));
    assert_eq!(setup.link.ask("MEAS").await.unwrap(), "-113,\"Undefined header\"");
    setup.mock.handler().set_overloaded(false);
    assert_eq!(electrometer.measure().await.unwrap(), 2e-12);
    assert_eq!(setup.link.connection().stats().messages_sent, 5, "all by one session");
}

/// The turn may be kept for several commands.
#[test_log::test(tokio::test)]
async fn the_turn_may_be_kept() {
    let setup = Setup::new().await;
    let kept = Electrometer::new(&setup.link.exclusive().await.unwrap());
    let other = tokio::spawn({
        let electrometer = setup.electrometer.clone();
        async move { electrometer.measure().await.unwrap() }
    });
    tokio::task::yield_now().await;
    let (first, second) = (kept.measure().await.unwrap(), kept.measure().await.unwrap());
    assert_eq!([first, second], [1e-12, 2e-12]);
    drop(kept);
    assert_eq!(other.await.unwrap(), 3e-12);
}

/// The wire log has what passed, echoes and binary included.
#[test_log::test(tokio::test)]
async fn the_wire_log_has_what_passed() {
    let setup = Setup::new().await;
    setup.electrometer.measure().await.unwrap();
    setup.electrometer.trace().await.unwrap();
    setup.electrometer.fetch().await.unwrap();
    let passed = setup.passed();
    let expected = [
        r#"<- "PICO-1 electrometer\r\n""#,
        r#"-> "MEAS?\r""#,
        r#"<- "MEAS?\r+1.000000E-12\r\n""#,
        r#"-> "TRACE?\r""#,
        r#"<- "TRACE?\r+1.000000E-12\r\n>""#,
        r#"-> "FETCH:BIN?\r""#,
    ];
    assert_eq!(passed[..6], expected, "{}", setup.log);
    let fetched = [b"FETCH:BIN?\r#18", &1e-12_f64.to_le_bytes()[..], b"\r\n"].concat();
    assert_eq!(setup.log.frames()[6].bytes, fetched, "{}", setup.log);
}
