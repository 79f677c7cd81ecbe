//! The bytes on the wire. Fix the code, not these tests. The clock is paused.

use std::time::Duration;

use tcpip_client::Client;
use tcpip_server::{OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::MemoryNetwork;
use tokio::time::{Instant, timeout};
use two_port_mock::{MockMirror, PERIOD};

/// A server, and a client of it.
async fn meet<H: ReadAndDispatch>(
    server: tcpip_server::OneClientServerBuilder<H>,
) -> (OneClientReadLoopServer<H>, Client) {
    let _entered = MemoryNetwork::new().enter();
    let server = server.host("mirror").start().await.unwrap();
    let client = Client::builder("mirror", server.port()).terminator(b"\n").connect().await.unwrap();
    (server, client)
}

/// Sends a line, and checks the lines that come next.
async fn assert_answers(client: &Client, said: &str, expected: &[&str]) {
    client.write_str(said).await.unwrap();
    for line in expected {
        assert_eq!(client.read_str().await.unwrap(), *line, "to {said}");
    }
}

/// Each command is acknowledged and ends, in its time; what is none fails, or is passed over.
#[test_log::test(tokio::test(start_paused = true))]
async fn each_command_is_acknowledged_and_ends() {
    let (_server, client) = meet(MockMirror::new().command_server()).await;
    let began = Instant::now();
    let expected =
        [r#"{"id": 1, "reply": "ack", "seconds": 2.5}"#, r#"{"id": 1, "reply": "success", "position": 5.0}"#];
    assert_answers(&client, r#"{"id": 1, "command": "move", "actuator": 3, "position": 5.0}"#, &expected).await;
    assert_eq!(began.elapsed(), Duration::from_millis(2500));
    let expected = [r#"{"id": 2, "reply": "ack"}"#, r#"{"id": 2, "reply": "success", "position": 5.0}"#];
    assert_answers(&client, r#"{"id": 2, "command": "stop", "actuator": 3}"#, &expected).await;
    for (command, reason) in [
        (r#""command": "move", "actuator": 8, "position": 0"#, "there is no actuator 8"),
        (r#""command": "stop", "actuator": 8"#, "there is no actuator 8"),
        (r#""command": "move", "actuator": 7, "position": -10.5"#, "-10.5 is beyond its reach"),
        (r#""command": "move", "actuator": 7, "position": NaN"#, "NaN is beyond its reach"),
    ] {
        let fail = format!(r#"{{"id": 3, "reply": "fail", "reason": "{reason}"}}"#);
        assert_answers(&client, &format!(r#"{{"id": 3, {command}}}"#), &[r#"{"id": 3, "reply": "ack"}"#, &fail]).await;
    }
    for no_command in ["", r#", "command": "jump""#, r#", "command": "move", "actuator": 1"#] {
        let fail = r#"{"id": 4, "reply": "fail", "reason": "this is no command"}"#;
        assert_answers(&client, &format!(r#"{{"id": 4{no_command}}}"#), &[fail]).await;
    }
    assert_answers(&client, r#"{"command": "stop", "actuator": 3}"#, &[]).await;
    assert_answers(&client, "jump", &[]).await;
    assert_answers(&client, r#"{"id": 5, "command": "stop", "actuator": 3}"#, &[r#"{"id": 5, "reply": "ack"}"#]).await;
}

/// Commands end in any order, and a move that is stopped fails.
#[test_log::test(tokio::test(start_paused = true))]
async fn commands_end_in_any_order() {
    let (_server, client) = meet(MockMirror::new().command_server()).await;
    let move_to = |id: u32, actuator: u32, position: f64| {
        format!(r#"{{"id": {id}, "command": "move", "actuator": {actuator}, "position": {position}}}"#)
    };
    let expected = [r#"{"id": 1, "reply": "ack", "seconds": 5.0}"#];
    assert_answers(&client, &move_to(1, 0, 10.0), &expected).await;
    assert_answers(&client, &move_to(2, 1, -4.0), &[r#"{"id": 2, "reply": "ack", "seconds": 2.0}"#]).await;
    let expected = [
        r#"{"id": 3, "reply": "ack"}"#,
        r#"{"id": 3, "reply": "fail", "reason": "it moves already"}"#,
        r#"{"id": 2, "reply": "success", "position": -4.0}"#,
    ];
    assert_answers(&client, &move_to(3, 0, 1.0), &expected).await;
    let mut expected = [
        r#"{"id": 1, "reply": "fail", "reason": "it was stopped at 4"}"#,
        r#"{"id": 4, "reply": "ack"}"#,
        r#"{"id": 4, "reply": "success", "position": 4.0}"#,
    ];
    client.write_str(r#"{"id": 4, "command": "stop", "actuator": 0}"#).await.unwrap();
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(client.read_str().await.unwrap());
    }
    lines.sort();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

/// What is held back is acknowledged, and ends when it is released.
#[test_log::test(tokio::test(start_paused = true))]
async fn ends_are_held_back() {
    let mirror = MockMirror::new();
    let (_server, client) = meet(mirror.command_server()).await;
    mirror.hold();
    let held = r#"{"id": 1, "command": "stop", "actuator": 0}"#;
    assert_answers(&client, held, &[r#"{"id": 1, "reply": "ack"}"#]).await;
    let nothing = timeout(Duration::from_mins(1), client.read_str()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    mirror.release();
    assert_answers(&client, "", &[r#"{"id": 1, "reply": "success", "position": 0.0}"#]).await;
}

/// Telemetry comes 20 times a second, and says where each actuator is and which of them move.
#[test_log::test(tokio::test(start_paused = true))]
async fn telemetry_comes_20_times_a_second() {
    let mirror = MockMirror::new().actuators(2).speed(10.0);
    let (_telemetry, listening) = meet(mirror.telemetry_server()).await;
    let (_commands, client) = meet(mirror.command_server()).await;
    assert_eq!(listening.read_str().await.unwrap(), r#"{"positions": [0.0, 0.0], "moving": []}"#);
    let ack = r#"{"id": 1, "reply": "ack", "seconds": 0.1}"#;
    assert_answers(&client, r#"{"id": 1, "command": "move", "actuator": 1, "position": -1}"#, &[ack]).await;
    let began = Instant::now();
    listening.write_str("it is passed over").await.unwrap();
    assert_eq!(listening.read_str().await.unwrap(), r#"{"positions": [0.0, -0.5], "moving": [1]}"#);
    assert_eq!(listening.read_str().await.unwrap(), r#"{"positions": [0.0, -1.0], "moving": []}"#);
    assert_eq!(began.elapsed(), 2 * PERIOD);
    assert!(PERIOD * 20 == Duration::from_secs(1));
}
