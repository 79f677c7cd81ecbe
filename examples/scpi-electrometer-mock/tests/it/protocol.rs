//! The bytes on the wire. Fix the code, not these tests.

use std::time::{Duration, Instant};

use scpi_electrometer_mock::{DEFAULT_MEASURING_TIME, MockElectrometer};
use tcpip_testkit::OneClientServerTestCase;

const WELCOME: &[u8] = b"PICO-1 electrometer\r\n";

/// Sends bytes, and checks the bytes that come next.
macro_rules! assert_answers {
    ($client:expr, $sent:expr, $expected:expr) => {{
        let expected: &[u8] = $expected;
        $client.write($sent).await.unwrap();
        let came = $client.read_exact(expected.len()).await.unwrap();
        assert_eq!(came.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }};
}

/// Each command is sent back, and has the reply that the protocol says, and nothing behind it.
#[test_log::test(tokio::test)]
async fn each_command_is_echoed_and_answered() {
    let case = OneClientServerTestCase::new();
    let mock = MockElectrometer::new().measuring_time(Duration::ZERO);
    let server = case.create_server(mock.server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", WELCOME);
    assert_answers!(client, b"*IDN?\r", b"*IDN?\rMOCK,PICO-1,0042,1.0\r\n");
    assert_answers!(client, b"TRACE?\r", b"TRACE?\r>");
    assert_answers!(client, b"FETCH:BIN?\r", b"FETCH:BIN?\r#10\r\n");
    assert_answers!(client, b"MEAS?\r", b"MEAS?\r+1.000000E-12\r\n");
    server.handler().set_overloaded(true);
    assert_answers!(client, b"MEAS?\r", b"MEAS?\r+9.900000E37\r\n");
    server.handler().set_overloaded(false);
    assert_answers!(client, b"MEAS?\r", b"MEAS?\r+3.000000E-12\r\n");
    assert_answers!(client, b"TRACE?\r", b"TRACE?\r+1.000000E-12\r\n+9.900000E37\r\n+3.000000E-12\r\n>");
    let doubles = [1e-12_f64, 9.9e37, 3e-12].map(f64::to_le_bytes).concat();
    let block = [b"FETCH:BIN?\r#224", &*doubles, b"\r\n"].concat();
    assert_answers!(client, b"FETCH:BIN?\r", &block);
    for sent in ["MEAS\r", "idn?\r", "\r", "\n\r"] {
        let expected = format!("{sent}-113,\"Undefined header\"\r\n");
        assert_answers!(client, sent.as_bytes(), expected.as_bytes());
    }
    let long = [&[b'x'; 10_000], &b"\r"[..]].concat();
    assert_answers!(client, &long, b"\r-113,\"Undefined header\"\r\n");
    assert_answers!(client, b"*IDN?\r", b"*IDN?\rMOCK,PICO-1,0042,1.0\r\n");
}

/// The last ten readings are kept.
#[test_log::test(tokio::test)]
async fn ten_readings_are_kept() {
    let case = OneClientServerTestCase::new();
    let mock = MockElectrometer::new().measuring_time(Duration::ZERO);
    let server = case.create_server(mock.server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", WELCOME);
    for reading in 1..12 {
        let expected = format!("MEAS?\r{:+.6E}\r\n", f64::from(reading) * 1e-12);
        assert_answers!(client, b"MEAS?\r", expected.as_bytes());
    }
    client.write(b"TRACE?\r").await.unwrap();
    let trace = String::from_utf8(client.read_until(b">").await.unwrap()).unwrap();
    assert!(trace.starts_with("TRACE?\r+2.000000E-12\r\n") && trace.ends_with("+1.100000E-11\r\n>"), "{trace}");
    assert_eq!(trace.matches('\n').count(), 10);
}

/// A measurement takes its time, behind the echo.
#[test_log::test(tokio::test)]
async fn a_measurement_takes_its_time() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockElectrometer::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", WELCOME);
    let began = Instant::now();
    assert_answers!(client, b"MEAS?\r", b"MEAS?\r+1.000000E-12\r\n");
    assert!(began.elapsed() >= DEFAULT_MEASURING_TIME, "{:?}", began.elapsed());
}

/// What is held back is echoed, and answered when it is released.
#[test_log::test(tokio::test)]
async fn replies_are_held_back() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockElectrometer::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", WELCOME);
    server.handler().hold();
    assert_answers!(client, b"*IDN?\r", b"*IDN?\r");
    // Had the reply not been held back, it would be on its way, and there before the next echo.
    assert_answers!(client, b"TRACE?\r", b"");
    server.handler().release();
    assert_answers!(client, b"", b"MOCK,PICO-1,0042,1.0\r\nTRACE?\r>");
}
