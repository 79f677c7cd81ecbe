//! The controller and the mock dome, with something between them that goes wrong. None of it takes any time.

use std::time::Duration;

use atdome_controller::{Azimuth, Command, DEFAULT_REPLY_TIMEOUT, Dome, DomeError, DoorState};
use atdome_mock::MockDome;
use tcpip_client::{Cause, RequestError, Sent};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::{
    EnteredNetwork, FaultProxy, MemoryNetwork, Record, Script, ScriptedPeer, Transcript, eventually, fail_on_warnings,
    faults::{self, Fault},
    no_leaks,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// The status of the dome at rest begins so: the door, and the first two letters of the next.
const HALF: &[u8] = b"MAIN CLOSED 000\nDR";

/// The controller, what is between, and the mock.
struct Rig {
    dome: Dome,
    proxy: FaultProxy,
    mock: OneClientReadLoopServer<MockDome>,
    _entered: EnteredNetwork,
}

impl Rig {
    async fn new() -> Self {
        let entered = MemoryNetwork::new().enter();
        let mock = MockDome::new().server().start().await.unwrap();
        let proxy = FaultProxy::to(mock.host(), mock.port()).start().await.unwrap();
        let dome = Dome::connect(proxy.host(), proxy.port()).await.unwrap();
        Self { dome, proxy, mock, _entered: entered }
    }

    /// Asks for the status, in vain; returns why, and how long that took.
    async fn fails(&self) -> (RequestError, Duration) {
        let begin = Instant::now();
        match self.dome.short_status().await {
            Err(DomeError::Request(error)) => (error, begin.elapsed()),
            outcome => panic!("{outcome:?}"),
        }
    }

    /// The dome is back, and each reply is that of its own command: the statuses have 6 lines and 27.
    async fn recovers(&self) {
        self.dome.link().ready().await.unwrap();
        self.dome.command(Command::Stop).await.unwrap();
        assert_eq!(self.dome.short_status().await.unwrap().azimuth, 285.0);
        self.dome.full_status().await.unwrap();
    }

    async fn close(self) {
        self.dome.close().await;
        self.proxy.close().await;
        self.mock.close().await;
    }
}

/// A reply that is a second too late is an error when it should have been there, and nobody's when it comes.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_status_is_not_the_next_commands_reply() {
    let rig = Rig::new().await;
    let _late = rig.proxy.to_client().add(faults::latency(DEFAULT_REPLY_TIMEOUT + SECOND).times(1));
    let (error, after) = rig.fails().await;
    assert!(matches!(error.cause(), Cause::NoReply { .. }), "{error:?}");
    assert_eq!(after, DEFAULT_REPLY_TIMEOUT);
    rig.recovers().await;
}

/// Half a status is told as such, with what came of it.
#[test_log::test(tokio::test(start_paused = true))]
async fn half_a_status_and_then_silence_is_no_status() {
    let rig = Rig::new().await;
    let silence = rig.proxy.to_client().add(faults::black_hole().after(HALF.len() as u64));
    let (error, after) = rig.fails().await;
    assert_eq!((error.received(), after), (HALF, DEFAULT_REPLY_TIMEOUT), "{error:?}");
    drop(silence);
    rig.recovers().await;
}

/// A reset within a status is told at once, whatever the deadlines; a dome that is reset five times is found five
/// times, and nothing of all those sessions is left behind.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_within_a_status_is_told_at_once() {
    let outcome = no_leaks(async {
        let rig = Rig::new().await;
        for _ in 0..5 {
            let _cut = rig.proxy.to_client().add(faults::reset().after(HALF.len() as u64).times(1));
            let (error, after) = rig.fails().await;
            assert_eq!((error.received(), error.sent(), after), (HALF, Sent::Yes, Duration::ZERO), "{error:?}");
            rig.recovers().await;
        }
        rig.close().await;
        Ok(())
    });
    outcome.await.unwrap();
}

/// A status whose prompt is damaged has no end; one whose prompt is gone has none either.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_status_without_its_prompt_has_no_end() {
    let rig = Rig::new().await;
    for damaged in [b"?".as_slice(), b""] {
        let _bad = rig.proxy.to_client().add(faults::messages(b">", faults::terminator(damaged)).times(1));
        let (error, after) = rig.fails().await;
        assert!(error.is_timeout() && after == DEFAULT_REPLY_TIMEOUT, "{error:?}");
        assert!(error.received().starts_with(HALF), "{error:?}");
        rig.recovers().await;
    }
}

/// A status that comes twice is not the reply to the next command, which is not sent; the one behind it is.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_status_that_comes_twice_is_not_the_next_commands_reply() {
    let rig = Rig::new().await;
    let _twice = rig.proxy.to_client().add(faults::messages(b">", faults::double()).times(1));
    rig.dome.short_status().await.unwrap();
    eventually(|| rig.dome.link().connection().unread() > 0).await;
    let (error, _) = rig.fails().await;
    assert!(matches!(error.cause(), Cause::Unsolicited(status) if status.starts_with(HALF)), "{error:?}");
    assert_eq!(error.sent(), Sent::No);
    rig.recovers().await;
}

fn script() -> Script {
    Script::read("tests/dome.tcpip").unwrap()
}

/// What the controller does in `dome.tcpip`, and what it understands of it.
async fn spend_a_morning(host: &str, port: u16) {
    let dome = Dome::builder(host, port).poll_interval(SECOND).connect().await.unwrap();
    assert_eq!(dome.short_status().await.unwrap().azimuth, 285.0);
    let there = dome.rotate_to(Azimuth::try_from(280.0).unwrap(), 5 * SECOND).await.unwrap();
    assert_eq!(there.azimuth, 280.0);
    dome.command(Command::OpenMainDoor).await.unwrap();
    let open = dome.wait_until_still(5 * SECOND).await.unwrap();
    assert_eq!(open.main_door.state, DoorState::Open);
    assert!(dome.send("400 MV").await.unwrap().is_empty());
    dome.close().await;
}

/// The controller says what `dome.tcpip` says, to the byte, and nobody is warned of anything.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_controller_follows_the_script_of_the_dome() {
    let _quiet = fail_on_warnings();
    let _entered = MemoryNetwork::new().enter();
    let device = ScriptedPeer::server(script()).start().await.unwrap();
    spend_a_morning(device.host(), device.port()).await;
    device.finish().await.unwrap();
}

/// What passes between controller and mock is the script, too: neither has been bent to fit it.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_controller_and_the_mock_say_what_the_script_says() {
    let _entered = MemoryNetwork::new().enter();
    let transcript = Transcript::new();
    let mock = MockDome::new().server().record(&transcript).start().await.unwrap();
    spend_a_morning(mock.host(), mock.port()).await;
    mock.close().await;
    transcript.check(script()).unwrap();
}
