//! A link that ends, and comes back.

use std::{process::Stdio, time::Duration};

use moog_mock::{MockController, SimpleDevice};
use moog_protocol::code;
use tcpip_client::{Cause, DisconnectReason, LinkError, RequestError, Sent};
use tcpip_testkit::{MemoryNetwork, Script, ScriptedPeer, eventually};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{Instant, timeout},
};

use crate::scripted::{Axis, accept, begin, builder, meet, next_command, send_config, send_telemetry};

/// How soon a lost connection is told.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Says what makes a client ready, waits for a command, and for what comes then.
const CONTROLLER: &str = r#"
import socket, struct
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
c.sendall(struct.pack("<2I2qB3d", 3, 0, 1, 2, 1, -1, 1, 2) + struct.pack("<2I2qI4d", 2, 0, 1, 2, 0x400, 2, 0, 0, 0))
print(len(c.recv(60)), flush=True)
c.recv(1000)
"#;

fn is_lost(error: &RequestError) -> bool {
    matches!(error.cause(), Cause::NotConnected { reason: Some(_), .. })
}

/// A controller that is killed while a command waits fails it within 50 ms, and so do those behind it and everybody who
/// waits for telemetry: the median of several runs, since the machine may be busy.
#[test_log::test(tokio::test)]
async fn a_killed_controller_fails_the_waiting_command_at_once() {
    let mut took = Vec::new();
    for _ in 0..9 {
        // A process of its own, that accepts and then is killed.
        let mut controller = tokio::process::Command::new("sh")
            .args(["-c", "exec python3 -c \"$0\"", CONTROLLER])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(controller.stdout.take().unwrap()).lines();
        let Some(port) = eventually(lines.next_line()).await.unwrap() else {
            eprintln!("skipped: a_killed_controller_fails_the_waiting_command_at_once: there is no python3 here");
            return;
        };
        let axis = eventually(Axis::builder("127.0.0.1", port.parse().unwrap()).connect()).await.unwrap();
        let kill = async {
            assert_eq!(eventually(lines.next_line()).await.unwrap().as_deref(), Some("60"));
            controller.kill().await.unwrap();
            Instant::now()
        };
        let waiting = async {
            let result = axis.run_command(code::MOVE, &[1.0]).await;
            (result, Instant::now())
        };
        let behind = axis.run_command(code::MOVE, &[2.0]);
        let (killed, (waiting, told), behind, telemetry) =
            eventually(async { tokio::join!(kill, waiting, behind, axis.next_telemetry()) }).await;
        let (waiting, behind) = (waiting.unwrap_err(), behind.unwrap_err());
        assert!(is_lost(&waiting) && is_lost(&behind), "{waiting}, {behind}");
        assert_eq!((waiting.sent(), behind.sent()), (Sent::Maybe, Sent::No));
        assert!(matches!(telemetry, Err(LinkError::Lost { .. })), "{telemetry:?}");
        took.push(told.saturating_duration_since(killed));
    }
    took.sort();
    assert!(took[took.len() / 2] < AT_ONCE, "{took:?}");
}

/// A status that had arrived before the controller hung up is the command's, and not a lost connection.
#[test_log::test(tokio::test)]
async fn a_status_before_the_end_counts() {
    let (axis, controller) = meet(|axis| axis).await;
    let (answer, ()) = tokio::join!(axis.run_command(code::MOVE, &[1.0]), async {
        next_command(&controller).await;
        accept(&controller, 0, 4.5).await;
        controller.close().await;
    });
    assert_eq!(answer.unwrap().duration, 4.5);
    let error = axis.run_command(code::MOVE, &[1.0]).await.unwrap_err();
    assert!(
        matches!(error.cause(), Cause::NotConnected { reason: Some(DisconnectReason::ClosedByPeer), .. }),
        "{error}"
    );
}

/// A link that ends before the configuration has come tells those who wait for it; one that ends after it does not take
/// it away.
#[test_log::test(tokio::test)]
async fn whoever_waits_for_the_configuration_is_told() {
    let (axis, controller) = begin(|axis| axis).await;
    let (configured, ()) = tokio::join!(axis.configured(), controller.close());
    assert!(matches!(configured, Err(LinkError::TurnedAway { .. })), "{configured:?}");

    let (axis, controller) = begin(|axis| axis).await;
    send_config(&controller).await;
    assert_eq!(eventually(axis.configured()).await.unwrap().drives_enabled, 1);
    let (telemetry, ()) = tokio::join!(axis.next_telemetry(), controller.close());
    assert!(matches!(telemetry, Err(LinkError::Lost { .. })), "{telemetry:?}");
    assert!(axis.configured().await.is_ok());
}

/// A frame that the end of the stream cuts short is no frame.
#[test_log::test(tokio::test(start_paused = true))]
async fn half_a_frame_is_none() {
    let _entered = MemoryNetwork::new().enter();
    let script = Script::parse("< u32le(2) NUL*6\n< close").unwrap();
    let controller = ScriptedPeer::server(script).start().await.unwrap();
    let axis = Axis::builder(controller.host(), controller.port()).start();
    let telemetry = axis.next_telemetry().await;
    assert!(matches!(telemetry, Err(LinkError::Lost { .. })), "{telemetry:?}");
    controller.finish().await.unwrap();
}

/// A controller that is stopped and started again on its port is found again, with its configuration of then; commands
/// go on where they were. Meanwhile they fail at once, and nothing is sent.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_client_finds_the_controller_again() {
    let _entered = MemoryNetwork::new().enter();
    let mock = || MockController::new(SimpleDevice::new()).enabled().server();
    let server = mock().port(0).start().await.unwrap();
    let port = server.port();
    let axis = eventually(builder(server.host(), port).connect()).await.unwrap();
    assert_eq!(axis.run_command(code::MOVE, &[1.0]).await.unwrap().counter, 0);
    let (lost, ()) = tokio::join!(axis.next_telemetry(), server.close());
    assert!(matches!(lost, Err(LinkError::Lost { .. })), "{lost:?}");
    assert_eq!(axis.configured().await.unwrap().drives_enabled, 0, "the last one is still known");
    let at_once = timeout(Duration::ZERO, axis.run_command(code::MOVE, &[2.0])).await.expect("it does not wait");
    let error = at_once.unwrap_err();
    assert!(is_lost(&error) && error.sent() == Sent::No, "{error}");

    let server = mock().port(port).start().await.unwrap();
    server.handler().machine().status.drives_enabled = true;
    eventually(axis.ready()).await.unwrap();
    assert_eq!(axis.configured().await.unwrap().drives_enabled, 1);
    assert_eq!(axis.run_command(code::MOVE, &[3.0]).await.unwrap().counter, 1);
    assert_eq!(eventually(axis.next_telemetry()).await.unwrap().cmd_position.get(), 3.0);
    axis.close().await;
    server.close().await;
}

/// After a loss the client is ready when all that makes it so has come anew: what it knew of the controller before says
/// nothing.
#[test_log::test(tokio::test)]
async fn it_is_ready_anew() {
    let (axis, controller) = meet(|axis| axis).await;
    controller.close_client().await;
    eventually(controller.wait_connected()).await.unwrap();
    let (telemetry, ()) = tokio::join!(eventually(axis.next_telemetry()), send_telemetry(&controller, 7.0));
    assert_eq!(telemetry.unwrap().curr_position.get(), 7.0);
    assert!(timeout(Duration::ZERO, axis.ready()).await.is_err(), "without a configuration");
    assert!(timeout(Duration::ZERO, axis.configured()).await.is_err());
    send_config(&controller).await;
    eventually(axis.ready()).await.unwrap();

    controller.close_client().await;
    eventually(controller.wait_connected()).await.unwrap();
    send_config(&controller).await;
    eventually(axis.configured()).await.unwrap();
    assert!(timeout(Duration::ZERO, axis.ready()).await.is_err(), "without telemetry");
    assert!(axis.telemetry().is_none());
    send_telemetry(&controller, 8.0).await;
    eventually(axis.ready()).await.unwrap();
    assert_eq!(axis.telemetry().unwrap().curr_position.get(), 8.0);
}
