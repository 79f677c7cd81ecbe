//! A link that ends.

use std::{process::Stdio, time::Duration};

use moog_client::CommandError;
use moog_protocol::code;
use tcpip_client::DisconnectReason;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::Instant,
};

use crate::scripted::{Axis, accept, meet, next_command, send_config, soon};

/// How soon a lost connection is told.
const AT_ONCE: Duration = Duration::from_millis(50);

/// A controller that is killed while a command waits fails it within 50 ms, and so do those behind it and everybody who
/// waits for telemetry: the median of several runs, since the machine may be busy.
#[test_log::test(tokio::test)]
async fn a_killed_controller_fails_the_waiting_command_at_once() {
    let mut took = Vec::new();
    for _ in 0..9 {
        // A process of its own, that accepts and then is killed.
        let mut controller = tokio::process::Command::new("sh")
            .args(["-c", "exec python3 -c \"import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); c, _ = s.accept(); print(len(c.recv(60)), flush=True); c.recv(1000)\""])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(controller.stdout.take().unwrap()).lines();
        let Some(port) = soon(lines.next_line()).await.unwrap() else {
            eprintln!("skipped: a_killed_controller_fails_the_waiting_command_at_once: there is no python3 here");
            return;
        };
        let axis = Axis::builder("127.0.0.1", port.parse().unwrap()).connect().await.unwrap();
        let kill = async {
            assert_eq!(soon(lines.next_line()).await.unwrap().as_deref(), Some("60"));
            controller.kill().await.unwrap();
            Instant::now()
        };
        let waiting = async {
            let result = axis.run_command(code::MOVE, &[1.0]).await;
            (result, Instant::now())
        };
        let behind = axis.run_command(code::MOVE, &[2.0]);
        let (killed, (waiting, told), behind, telemetry) =
            soon(async { tokio::join!(kill, waiting, behind, axis.next_telemetry()) }).await;
        for error in [waiting.unwrap_err(), behind.unwrap_err(), telemetry.map(|_| ()).unwrap_err()] {
            assert!(matches!(error, CommandError::Lost { .. }), "{error:?}");
        }
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
    assert_eq!(error, CommandError::Lost { reason: DisconnectReason::ClosedByPeer });
}

/// A link that ends before the configuration has come tells those who wait for it; one that ends after it does not take
/// it away.
#[test_log::test(tokio::test)]
async fn whoever_waits_for_the_configuration_is_told() {
    let (axis, controller) = meet(|axis| axis).await;
    let (configured, ()) = tokio::join!(axis.configured(), controller.close());
    assert!(matches!(configured, Err(CommandError::Lost { .. })));

    let (axis, controller) = meet(|axis| axis).await;
    send_config(&controller).await;
    assert_eq!(soon(axis.configured()).await.unwrap().drives_enabled, 1);
    controller.close().await;
    assert!(soon(axis.ready()).await.is_err(), "no telemetry came");
    assert!(axis.configured().await.is_ok());
}

/// A frame that the end of the stream cuts short is no frame.
#[test_log::test(tokio::test)]
async fn half_a_frame_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let axis = Axis::builder("127.0.0.1", port).connect().await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
    drop(stream);
    assert!(matches!(soon(axis.next_telemetry()).await, Err(CommandError::Lost { .. })));
}
