//! The bytes on the wire. Fix the code, not these tests.

use std::time::Duration;

use ess_sensors_mock::MockSensors;
use tcpip_server::Encoding;
use tcpip_testkit::OneClientServerTestCase;

const CONFIGURE: &str = r#"{"command":"configure","parameters":{"sensors":[{"name":"TempSensor1","channels":2}]}}"#;
const LONG: Duration = Duration::from_hours(1);

/// What a line of telemetry says, but for its time.
fn without_time(line: &str) -> String {
    let (head, rest) = line.split_once(r#""timestamp": "#).expect("telemetry");
    let (time, rest) = rest.split_once(", ").expect("a time");
    assert!(time.parse::<f64>().unwrap() > 1.7e9, "{line}");
    format!("{head}{rest}")
}

/// Each line has one response, whatever it says, in order.
#[test_log::test(tokio::test)]
async fn each_line_has_one_response() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockSensors::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client.encoding(Encoding::Latin1)).await.unwrap();
    let sensors = |sensors: &str| format!(r#"{{"command":"configure","parameters":{{"sensors":[{sensors}]}}}}"#);
    let one = r#"{"name":"TempSensor1","channels":2}"#;
    let many: Vec<_> = (0..33).map(|number| format!(r#"{{"name":"{number}","channels":1}}"#)).collect();
    for (line, response) in [
        ("", 1),
        ("\u{ff}", 1),
        ("configure", 1),
        ("[]", 1),
        (r#"{"command":"reboot"}"#, 1),
        (r#"{"command":"configure"}"#, 2),
        (r#"{"command":"configure","parameters":{"sensors":1}}"#, 2),
        (&sensors(""), 2),
        (&sensors(&[one, one].join(",")), 2),
        (&sensors(&many.join(",")), 2),
        (&sensors(r#"{"name":"TempSensor1","channels":0}"#), 2),
        (&sensors(r#"{"name":"TempSensor1","channels":17}"#), 2),
        (&sensors(r#"{"name":"TempSensor1","channels":272}"#), 2),
        (r#"{"command":"zero","parameters":{"name":"TempSensor1"}}"#, 4),
        (r#"{"command":"zero"}"#, 2),
    ] {
        client.write_str(line).await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), format!(r#"{{"response": {response}}}"#), "{line}");
    }
    assert!(!server.handler().is_configured());
    server.handler().set_starting(true);
    client.write_str(CONFIGURE).await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), r#"{"response": 5}"#);
}

/// What is configured tells what it measures: at once, then each period, to the next client as well.
#[test_log::test(tokio::test)]
async fn what_is_configured_is_told() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockSensors::new().period(LONG).server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write_str(CONFIGURE).await.unwrap();
    let mut lines = [client.read_str().await.unwrap(), client.read_str().await.unwrap()];
    lines.sort();
    assert_eq!(lines[0], r#"{"response": 0}"#);
    let telemetry = r#"{"telemetry": {"name": "TempSensor1", "response_code": 0, "sensor_data": [20.0, 21.0]}}"#;
    assert_eq!(without_time(&lines[1]), telemetry);

    server.handler().unplug("TempSensor1");
    client.write_str(r#"{"command":"zero","parameters":{"name":"TempSensor2"}}"#).await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), r#"{"response": 3}"#);
    client.write_str(r#"{"command":"zero","parameters":{"name":"TempSensor1"}}"#).await.unwrap();
    let mut lines = [client.read_str().await.unwrap(), client.read_str().await.unwrap()];
    lines.sort();
    assert_eq!(lines[0], r#"{"response": 0}"#);
    let telemetry = r#"{"telemetry": {"name": "TempSensor1", "response_code": 1, "sensor_data": [0.0, NaN]}}"#;
    assert_eq!(without_time(&lines[1]), telemetry);
    client.close().await;

    server.wait_disconnected().await;
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_eq!(without_time(&client.read_str().await.unwrap()), telemetry);
}

/// Each period has its telemetry.
#[test_log::test(tokio::test)]
async fn each_period_has_its_telemetry() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockSensors::new().period(Duration::from_millis(1)).server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write_str(CONFIGURE).await.unwrap();
    for _ in 0..10 {
        client.read_str().await.unwrap();
    }
}
