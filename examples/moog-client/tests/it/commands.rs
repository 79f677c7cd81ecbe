//! Commands and what becomes of them.

use std::time::Duration;

use moog_client::{Acknowledged, DEFAULT_COMMAND_TIMEOUT};
use moog_mock::{MockController, SimpleDevice};
use moog_protocol::{CommandStatus, SimpleConfig, SimpleTelemetry, code, code::set_state, frame_id};
use tcpip_client::{Cause, LinkError, Sent};
use tcpip_testkit::{OneClientServerTestCase, eventually};
use tokio::time::Instant;

use crate::scripted::{Axis, accept, header, meet, next_command, refusal, send_telemetry};

/// The mock obeys, refuses and reports, and the client says so.
#[test_log::test(tokio::test)]
async fn the_client_commands_the_mock() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let axis = eventually(Axis::builder(server.host(), server.port()).connect()).await.unwrap();
    assert_eq!(axis.configured().await.unwrap().drives_enabled, 0);
    let accepted = |counter| Acknowledged { counter, duration: 0.0 };
    assert_eq!(axis.run_command(code::SET_STATE, &[set_state::ENABLE]).await.unwrap(), accepted(0));
    assert_eq!(axis.run_command(code::ENABLE_DRIVES, &[1.0]).await.unwrap(), accepted(1));
    assert_eq!(axis.configured().await.unwrap().drives_enabled, 1, "the new configuration comes before the status");
    assert_eq!(axis.run_command(code::MOVE, &[12.5]).await.unwrap(), accepted(2));
    let telemetry = eventually(axis.next_telemetry()).await.unwrap();
    assert_eq!(telemetry.cmd_position.get(), 12.5);
    let refused = axis.run_command(code::MOVE, &[26.0]).await.unwrap_err();
    assert_eq!(refusal(&refused), "Position 26.0 out of range [-25.0, 25.0].");
    assert_eq!(axis.run_command(code::MOVE, &[0.0]).await.unwrap(), accepted(4));
    axis.close().await;
    let error = axis.run_command(code::MOVE, &[0.0]).await.unwrap_err();
    assert_eq!(error.cause().to_string(), "not connected: the link is closed");
    assert!(matches!(eventually(axis.next_telemetry()).await, Err(LinkError::Closed)));
    assert!(matches!(eventually(axis.ready()).await, Err(LinkError::Closed)));
}

/// The counter goes from its greatest value to 0.
#[test_log::test(tokio::test)]
async fn the_counter_wraps() {
    let (axis, controller) = meet(|axis| axis.first_counter(u32::MAX - 1)).await;
    for expected in [u32::MAX - 1, u32::MAX, 0, 1] {
        let (acknowledged, ()) = tokio::join!(axis.run_command(code::MOVE, &[1.0]), async {
            let command = next_command(&controller).await;
            assert_eq!(command.counter.get(), expected);
            accept(&controller, expected, 1.5).await;
        });
        assert_eq!(acknowledged.unwrap(), Acknowledged { counter: expected, duration: 1.5 });
    }
}

/// Two callers at once take turns: the second command goes out when the first has its status.
#[test_log::test(tokio::test)]
async fn one_command_is_in_flight() {
    let (axis, controller) = meet(|axis| axis).await;
    let first = axis.run_command(code::MOVE, &[1.0]);
    let second = axis.run_command(code::MOVE, &[2.0]);
    let ((), first, second) = eventually(async {
        tokio::join!(
            biased;
            async {
                for counter in 0..2 {
                    let command = next_command(&controller).await;
                    assert_eq!(command.counter.get(), counter);
                    // Both have had their chance when the telemetry has come.
                    let (telemetry, ()) = tokio::join!(axis.next_telemetry(), send_telemetry(&controller, 0.0));
                    telemetry.unwrap();
                    assert_eq!(controller.unread(), 0, "nothing comes until this one is answered");
                    accept(&controller, counter, command.parameters[0].get()).await;
                }
            },
            first,
            second
        )
    })
    .await;
    assert_eq!(first.unwrap(), Acknowledged { counter: 0, duration: 1.0 });
    assert_eq!(second.unwrap(), Acknowledged { counter: 1, duration: 2.0 });
}

/// No status in time is an error; the connection lives, and the late status is nobody's.
#[test_log::test(tokio::test)]
async fn a_late_status_is_nobodys() {
    assert_eq!(DEFAULT_COMMAND_TIMEOUT, Duration::from_secs(5));
    let after = Duration::from_millis(50);
    let (axis, controller) = meet(|axis| axis.command_timeout(after)).await;
    let since = Instant::now();
    let error = axis.run_command(code::MOVE, &[1.0]).await.unwrap_err();
    assert!(matches!(*error.cause(), Cause::NoReply { after: told } if told == after), "{error}");
    assert_eq!(error.sent(), Sent::Maybe);
    assert!(since.elapsed() >= after && axis.is_connected());
    next_command(&controller).await;
    accept(&controller, 0, 99.0).await;
    accept(&controller, 7, 98.0).await;
    let (answer, ()) = tokio::join!(axis.run_command(code::MOVE, &[2.0]), async {
        let command = next_command(&controller).await;
        accept(&controller, command.counter.get(), 2.0).await;
    });
    assert_eq!(answer.unwrap(), Acknowledged { counter: 1, duration: 2.0 });
}

/// An unknown frame is skipped, with what has arrived behind it, and what comes then is understood; so is what comes
/// together with it, if its body is of the largest size.
#[test_log::test(tokio::test)]
async fn the_client_is_in_step_again_behind_an_unknown_frame() {
    let (axis, controller) = meet(|axis| axis).await;
    for position in [1.0, 2.0] {
        let ((), telemetry) = eventually(async {
            tokio::join!(
                async {
                    let mut batch = controller.batch();
                    batch.write_from(&header(99, 0)).write(&[0xff; size_of::<CommandStatus>()]);
                    batch.write_from((&header(frame_id::TELEMETRY, 0), &crate::scripted::telemetry(position)));
                    tokio::task::yield_now().await;
                    batch.send().await.unwrap();
                },
                axis.next_telemetry()
            )
        })
        .await;
        assert_eq!(telemetry.unwrap().curr_position.get(), position);
    }
    let (answer, ()) = tokio::join!(axis.run_command(code::MOVE, &[3.0]), async {
        let command = next_command(&controller).await;
        accept(&controller, command.counter.get(), 3.0).await;
    });
    assert_eq!(answer.unwrap().duration, 3.0);
}

/// Sizes that the protocol names.
#[test]
fn the_sizes_are_those_of_the_protocol() {
    assert_eq!((size_of::<SimpleConfig>(), size_of::<SimpleTelemetry>()), (25, 36));
}
