//! The mock, as a script and as clients of all kinds find it. None of it takes any time.

use std::time::Duration;

use atdome_mock::MockDome;
use tcpip_server::Direction;
use tcpip_testkit::{
    FaultProxy, MemoryNetwork, Script, ScriptedPeer, conformance, fail_on_warnings,
    faults::{self, Bandwidth},
};

/// The script from which the controller is tested too.
const SCRIPT: &str = "../atdome-controller/tests/dome.tcpip";
/// How long its pauses take.
const SCRIPT_TAKES: Duration = Duration::from_secs(2);

/// What `dome.tcpip` says is what the mock says, in the time that it has there; nobody is warned of anything.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_mock_follows_the_script_of_the_dome() {
    let _quiet = fail_on_warnings();
    let _entered = MemoryNetwork::new().enter();
    let mock = MockDome::new().server().start().await.unwrap();
    let client = ScriptedPeer::client(Script::read(SCRIPT).unwrap());
    client.connect(mock.host(), mock.port()).await.unwrap().finish().await.unwrap();
    mock.close().await;
}

/// It is the same conversation byte by byte, and through a terminal server with a serial line behind it.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_script_holds_however_the_bytes_come() {
    let _entered = MemoryNetwork::new().enter();
    let serial = "9600 8N1".parse::<Bandwidth>().unwrap();
    for (slow, slowed) in [(None, Duration::ZERO), (Some(serial), Duration::from_millis(400))] {
        let mock = MockDome::new().server().start().await.unwrap();
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

/// Whatever a client does, its commands are answered as if they had come whole, and the next client is served.
#[test_log::test(tokio::test)]
async fn no_client_can_upset_the_mock() {
    let commands = ["?\r\n", "280.00 MV\r\n", "OP\r\n", "400 MV\r\n", "+\r\n"];
    conformance(|| MockDome::new().server()).commands(commands).run().await.unwrap();
}
