//! The bytes on the wire. Fix the code, not these tests.

use std::time::Duration;

use moog_mock::{MockController, SimpleDevice, Tai};
use moog_protocol::{
    Command, CommandStatus, ControllerState, Header, NO_ACK, Parameters, SimpleConfig, SimpleTelemetry, code,
};
use tcpip_client::Client;
use tcpip_testkit::OneClientServerTestCase;
use zerocopy::IntoBytes;

use ControllerState::{Enabled, Fault, Standby};

const CONVERSATION: &str = include_str!("../../../moog-protocol/tests/golden/conversation.txt");

const LONG: Duration = Duration::from_hours(1);

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The recorded conversation, to the byte: whether the commands come one by one, all at once, or a byte a segment.
#[test_log::test(tokio::test)]
async fn the_conversation_goes_as_recorded() {
    for how in ["one by one", "all at once", "byte by byte"] {
        let case = OneClientServerTestCase::new();
        let controller = MockController::new(SimpleDevice::new())
            .telemetry_interval(LONG)
            .clock(|| Tai { sec: 1_790_000_037, nsec: 500_000_000 });
        let server = case.create_server(controller.server()).await.unwrap();
        let client = case.create_client(&server, |client| client.read_timeout(Duration::from_secs(20))).await.unwrap();
        let lines = || CONVERSATION.lines().map(|line| (line.starts_with('>'), bytes(&line[2..])));
        // Before the first command, so that its place among the frames is known.
        let mut lines_left = lines().peekable();
        while let Some((_, frame)) = lines_left.next_if(|(from_client, _)| !from_client) {
            assert_eq!(client.read_exact(frame.len()).await.unwrap(), frame);
        }
        if how == "all at once" {
            let all: Vec<_> = lines().filter(|(from_client, _)| *from_client).flat_map(|(_, bytes)| bytes).collect();
            client.write(&all).await.unwrap();
        }
        for (from_client, frame) in lines_left {
            match (from_client, how) {
                (false, _) => assert_eq!(client.read_exact(frame.len()).await.unwrap(), frame, "{how}"),
                (true, "one by one") => client.write(&frame).await.unwrap(),
                (true, "byte by byte") => {
                    for byte in frame {
                        client.write(&[byte]).await.unwrap();
                    }
                }
                _ => {}
            }
        }
    }
}

/// Sends a command, and reads up to its status.
async fn ask(client: &Client, command: Command) -> CommandStatus {
    client.write_from(&command).await.unwrap();
    loop {
        let header: Header = client.read_struct().await.unwrap();
        match header.frame_id.get() {
            1 => {
                assert_eq!(header.counter, command.counter);
                return client.read_struct().await.unwrap();
            }
            2 => drop(client.read_struct::<SimpleTelemetry>().await.unwrap()),
            _ => drop(client.read_struct::<SimpleConfig>().await.unwrap()),
        }
    }
}

/// Each command is obeyed in the states in which the protocol allows it, and refused in the others, with a reason.
#[test_log::test(tokio::test)]
async fn commands_are_obeyed_in_their_states() {
    let states = [Standby, Enabled, Fault];
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    let set_state = code::SET_STATE;
    for (code, parameter, allowed, after) in [
        (set_state, 2.0, &[Standby][..], Some(Enabled)),
        (set_state, 3.0, &[Enabled], Some(Standby)),
        (set_state, 6.0, &[Standby, Fault], Some(Standby)),
        (set_state, 4.0, &[], None),
        (set_state, f64::NAN, &[], None),
        (code::ENABLE_DRIVES, 1.0, &states, None),
        (code::ENABLE_DRIVES, 0.5, &[], None),
        (code::SET_ENABLED_SUBSTATE, 3.0, &[Enabled], None),
        (code::MOVE, 25.0, &[Enabled], None),
        (code::MOVE, -25.0, &[Enabled], None),
        (code::MOVE, 25.000_001, &[], None),
        (code::MOVE, f64::NAN, &[], None),
        (0, 0.0, &[], None),
    ] {
        for state in states {
            server.handler().machine().status.state = state;
            let mut parameters = Parameters::default();
            parameters[0] = parameter;
            let answer = ask(&client, Command::new(7, code, parameters)).await;
            let (refused, reason) = (answer.status.get() == NO_ACK, answer.reason().into_owned());
            assert_eq!(refused, !allowed.contains(&state), "{code} {parameter} in {state:?}: {reason}");
            assert_eq!(refused, !reason.is_empty(), "{reason}");
            let expected = if refused { state } else { after.unwrap_or(state) };
            assert_eq!(server.handler().machine().status.state, expected);
        }
    }
    server.handler().machine().status.enabled_substate = 3.0;
    server.handler().machine().status.state = Standby;
    ask(&client, Command::new(8, set_state, [2.0, 0.0, 0.0, 0.0, 0.0, 0.0])).await;
    assert_eq!(server.handler().machine().status.enabled_substate.to_bits(), 0.0_f64.to_bits(), "stationary");
    let mut foreign = Command::new(9, code::MOVE, Parameters::default());
    foreign.commander = 3.into();
    assert_eq!(ask(&client, foreign).await.reason(), "Commander 3 is not 2.");
}

/// The header carries the present TAI time, 37 s ahead of UTC.
#[test_log::test(tokio::test)]
async fn headers_carry_the_time() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(MockController::new(SimpleDevice::new()).server()).await.unwrap();
    let before = Tai::now();
    let client = case.create_client(&server, |client| client).await.unwrap();
    let header: Header = client.read_struct().await.unwrap();
    let after = Tai::now();
    let time = |tai: Tai| (tai.sec, tai.nsec);
    assert_eq!(header.as_bytes().len(), 24);
    let stamped = (header.tai_sec.get(), header.tai_nsec.get());
    // The mock may have connected the client before this test looked at the clock; not a second before.
    assert!(stamped.0 >= before.sec - 1 && stamped <= time(after), "{stamped:?}");
}
