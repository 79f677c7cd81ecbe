//! The bytes on the wire. Fix the code, not these tests.

use atdome_mock::{Conditions, MockDome};
use tcpip_testkit::OneClientServerTestCase;

const GREETING: &str = "ACE Main Box\n>";
const SHORT_STATUS: &str = "MAIN CLOSED 000\nDROP CLOSED 000\n[OFF] 00\nPOSN 285.00\n-- 000\nDome not homed\n>";
const FULL_STATUS: &str = "MAIN CLOSED 000\nDROP CLOSED 000\n[OFF] 00\nPOSN 285.00\n-- 000\nDome not homed\n\
    Emergency Stop Active: 0\nTop Comm Link OK:    1\nHome Azimuth: 10.00\nHigh Speed (degrees):  5.00\n\
    Coast (degrees): 0.50\nTolerance (degrees): 1.00\nEncoder Counts per 360: 4018143232\n\
    Encoder Counts:  111615089\nLast Azimuth GoTo: 285.00\nAzimuth Move Timeout (secs): 120\n\
    Rain-Snow enabled:  1\nCloud Sensor enabled: 1\nWatchdog Reset Time: 600\nDropout Timer: 5\nReverse Delay: 4\n\
    Main Door Encoder Closed: 118449181478\nMain Door Encoder Opened: 8287616388\n\
    Dropout Encoder Closed: 5669776578\nDropout Encoder Opened: 5710996184\nDoor Move Timeout (secs): 360\n\
    Dome has been homed: False\n>";

/// Sends bytes, and checks the bytes that come next.
macro_rules! assert_answers {
    ($client:expr, $sent:expr, $expected:expr) => {{
        let expected: &str = $expected;
        $client.write($sent).await.unwrap();
        let came = $client.read_exact(expected.len()).await.unwrap();
        assert_eq!(String::from_utf8(came).unwrap(), expected);
    }};
}

/// Every client is sent the greeting, byte for byte, and nothing else.
#[test_log::test(tokio::test)]
async fn every_client_is_greeted() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    for _ in 0..3 {
        let client = case.create_client(&server, |client| client).await.unwrap();
        assert_answers!(client, b"", GREETING);
        // The next thing to come is the answer to the first command.
        assert_answers!(client, b"ST\r\n?\r\n", &format!(">{SHORT_STATUS}"));
        client.close().await;
        client.wait_closed().await;
        server.wait_disconnected().await;
    }
}

/// Replies are their lines, each ended by a line feed alone, and a prompt that nothing follows.
#[test_log::test(tokio::test)]
async fn replies_are_lines_and_an_unterminated_prompt() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"?\r\n", &format!("{GREETING}{SHORT_STATUS}"));
    assert_answers!(client, b"+\r\n", FULL_STATUS);
    assert_eq!(FULL_STATUS.matches('\n').count(), 27);
    for command in ["ST", "OP", "CL", "DN", "UP", "SO", "SC", "280.00 MV", "HM", "ST"] {
        assert_answers!(client, format!("{command}\r\n").as_bytes(), ">");
    }
}

/// Unknown, malformed and refused commands get the prompt only, and so do lines that are no text or far too long.
#[test_log::test(tokio::test)]
async fn what_is_no_command_gets_the_prompt_only() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", GREETING);
    let long = ["x".repeat(100_000).as_bytes(), b"\r\n"].concat();
    let lines: [&[u8]; 9] = [
        b"XX\r\n",
        b"st\r\n",
        b"MV\r\n",
        b"400 MV\r\n",
        b"360 MV\r\n",
        b"x MV\r\n",
        b"1 2 MV\r\n",
        b"\xff\xfe\x00\r\n",
        &long,
    ];
    for line in lines {
        assert_answers!(client, line, ">");
    }
    assert_answers!(client, b"?\r\n", SHORT_STATUS);
}

/// `MV` while homing gets the prompt only, and the dome goes on homing.
#[test_log::test(tokio::test)]
async fn a_move_while_homing_gets_the_prompt_only() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"HM\r\n280.00 MV\r\n", &format!("{GREETING}>>"));
    client.write(b"+\r\n").await.unwrap();
    let status = String::from_utf8(client.read_until(b">").await.unwrap()).unwrap();
    assert!(status.contains("\nRR 065\n") && status.contains("\nLast Azimuth GoTo: 285.00\n"), "{status}");
}

/// A blank line gets nothing at all: the next reply is that of the next command.
#[test_log::test(tokio::test)]
async fn a_blank_line_gets_nothing() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"\r\n\n  \t\r\n?\r\n", &format!("{GREETING}{SHORT_STATUS}"));
}

/// Commands may come together, without a carriage return, or in pieces.
#[test_log::test(tokio::test)]
async fn lines_end_at_the_line_feed_however_they_are_cut() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"ST\n?\nXX\n", &format!("{GREETING}>{SHORT_STATUS}>"));
    for byte in b"280.00 M" {
        client.write(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_answers!(client, b"V\r", "");
    assert_answers!(client, b"\n", ">");
    client.write(b"+\r\n").await.unwrap();
    let status = String::from_utf8(client.read_until(b">").await.unwrap()).unwrap();
    assert!(status.contains("\nLast Azimuth GoTo: 280.00\n"), "{status}");
}

/// A line that the client's hang-up cuts short is no command.
#[test_log::test(tokio::test)]
async fn a_line_without_its_end_is_not_carried_out() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"OP", GREETING);
    client.close().await;
    server.wait_disconnected().await;
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"?\r\n", &format!("{GREETING}{SHORT_STATUS}"));
}

/// The hook makes one command fail, once, with a single line; the command does nothing.
#[test_log::test(tokio::test)]
async fn the_fail_hook_fails_one_command_once() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    assert_answers!(client, b"", GREETING);
    server.handler().fail_next("MV");
    assert_answers!(client, b"ST\r\n", ">");
    assert_answers!(client, b"280.00 MV\r\n", "Command MV failed by request\n>");
    assert_answers!(client, b"+\r\n", FULL_STATUS);
    assert_answers!(client, b"285.00 MV\r\n", ">");
}

/// The surroundings are shown in the third line, the move code and the full status.
#[test_log::test(tokio::test)]
async fn conditions_are_shown() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockDome::new().server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    server.handler().set_conditions(Conditions { rain: true, clouds: true, auto_shutdown: true, emergency_stop: true });
    let status = SHORT_STATUS.replace("[OFF] 00", "[ON] 03").replace("-- 000", "-- 128");
    assert_answers!(client, b"?\r\n", &format!("{GREETING}{status}"));
}
