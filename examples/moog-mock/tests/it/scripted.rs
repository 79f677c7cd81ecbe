//! The mock, as a script and as clients of all kinds find it. None of it takes any time.

use std::time::Duration;

use moog_mock::{MockController, SimpleDevice, Tai};
use moog_protocol::{Command, Parameters, code};
use tcpip_client::Direction;
use tcpip_testkit::{
    FaultProxy, MemoryNetwork, Script, ScriptedPeer, conformance, fail_on_warnings,
    faults::{self, Bandwidth},
};
use zerocopy::IntoBytes;

/// The script from which the client is tested too.
const SCRIPT: &str = "../moog-protocol/tests/axis.tcpip";
/// How long its pauses take.
const SCRIPT_TAKES: Duration = Duration::from_secs(1);

/// What `axis.tcpip` says is what the mock says, with ten telemetries in the second in which nothing else is said.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_mock_follows_the_script_of_the_axis() {
    let _quiet = fail_on_warnings();
    let _entered = MemoryNetwork::new().enter();
    let mock = MockController::new(SimpleDevice::new()).server().start().await.unwrap();
    let client = ScriptedPeer::client(Script::read(SCRIPT).unwrap());
    let transcript = client.connect(mock.host(), mock.port()).await.unwrap().finish().await.unwrap();
    let (configs, statuses, telemetries) = (2, 5, 1 + 10);
    let expected = configs * (24 + 25) + statuses * (24 + 62) + telemetries * (24 + 36);
    assert_eq!(transcript.received().len(), expected);
    mock.close().await;
}

/// It is the same session byte by byte, and over a serial line that is just fast enough for the telemetry: 600 of 960
/// bytes a second.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_script_holds_however_the_bytes_come() {
    let _entered = MemoryNetwork::new().enter();
    let serial = "9600 8N1".parse::<Bandwidth>().unwrap();
    for (slow, slowed) in [(None, Duration::ZERO), (Some(serial), Duration::from_millis(400))] {
        let mock = MockController::new(SimpleDevice::new()).server().start().await.unwrap();
        let proxy = FaultProxy::to(mock.host(), mock.port()).start().await.unwrap();
        let _sliced = proxy.add(faults::slices(1));
        let _slow = slow.map(|slow| proxy.add(slow));
        let client = ScriptedPeer::client(Script::read(SCRIPT).unwrap());
        let transcript = client.connect(proxy.host(), proxy.port()).await.unwrap().finish().await.unwrap();
        let (received, chunks) = (transcript.received().len(), transcript.chunks());
        let alone = chunks.iter().filter(|chunk| chunk.direction == Direction::Received && chunk.bytes.len() == 1);
        assert!(alone.count() > received * 9 / 10, "it comes byte by byte");
        assert!(chunks.last().unwrap().at >= SCRIPT_TAKES + slowed, "{chunks:?}");
    }
}

/// Whatever a client does, its commands are answered as if they had come whole, among the same telemetry, and the next
/// client is served.
#[test_log::test(tokio::test)]
async fn no_client_can_upset_the_mock() {
    let command = |counter, code, parameter| {
        let parameters: Parameters = [parameter, 0.0, 0.0, 0.0, 0.0, 0.0];
        Command::new(counter, code, parameters).as_bytes().to_vec()
    };
    let commands = [command(0, code::ENABLE_DRIVES, 1.0), command(1, code::MOVE, 26.0)];
    // The time of the machine is no part of a reply.
    let clock = || Tai { sec: 1_790_000_037, nsec: 500_000_000 };
    let server = move || MockController::new(SimpleDevice::new()).clock(clock).server();
    conformance(server).commands(commands).listen_time(Duration::from_millis(250)).run().await.unwrap();
}
