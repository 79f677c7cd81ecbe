//! The client and the mock, with something between them that goes wrong, and a scripted controller. None of it takes
//! any time.

use std::time::Duration;

use moog_client::{Acknowledged, DEFAULT_COMMAND_TIMEOUT};
use moog_mock::{MockController, SimpleDevice};
use moog_protocol::{code, code::set_state};
use tcpip_client::{Cause, ClientOrServer, DisconnectReason, Sent};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::{
    EnteredNetwork, FaultProxy, MemoryNetwork, Script, ScriptedPeer, fail_on_warnings,
    faults::{self, Bandwidth, Fault},
    no_leaks,
};
use tokio::time::Instant;

use crate::scripted::{Axis, refusal};

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

/// What each frame begins with, in bytes.
const HEADER: u64 = 24;

/// The client, what is between, and the mock, which is enabled.
struct Rig {
    axis: Axis,
    proxy: FaultProxy,
    mock: OneClientReadLoopServer<MockController<SimpleDevice>>,
    _entered: EnteredNetwork,
}

impl Rig {
    async fn new() -> Self {
        let entered = MemoryNetwork::new().enter();
        let mock = MockController::new(SimpleDevice::new()).enabled().server().start().await.unwrap();
        let proxy = FaultProxy::to(mock.host(), mock.port()).start().await.unwrap();
        let axis = Axis::builder(proxy.host(), proxy.port()).connect().await.unwrap();
        Self { axis, proxy, mock, _entered: entered }
    }

    /// The next command, which has this counter, is acknowledged, and telemetry tells of it.
    async fn obeys(&self, counter: u32) {
        let position = f64::from(counter);
        let acknowledged = self.axis.run_command(code::MOVE, &[position]).await.unwrap();
        assert_eq!(acknowledged, Acknowledged { counter, duration: 0.0 });
        assert_eq!(self.axis.next_telemetry().await.unwrap().cmd_position.get(), position);
    }

    async fn close(self) {
        self.axis.close().await;
        self.proxy.close().await;
        self.mock.close().await;
    }
}

/// A reset within a frame fails the command that waits, at once; the next session begins with whole frames, and nothing
/// of all those sessions is left behind.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_within_a_frame_fails_the_waiting_command_at_once() {
    let outcome = no_leaks(async {
        let rig = Rig::new().await;
        rig.obeys(0).await;
        for failed in 0..4 {
            let begin = Instant::now();
            let _cut = rig.proxy.to_client().add(faults::reset().after(HEADER + failed * 20).times(1));
            let error = rig.axis.run_command(code::MOVE, &[1.0]).await.unwrap_err();
            let reset = Some(DisconnectReason::Reset);
            assert!(matches!(error.cause(), Cause::NotConnected { reason, .. } if *reason == reset), "{error:?}");
            assert_eq!((error.sent(), begin.elapsed()), (Sent::Maybe, Duration::ZERO));
            rig.axis.ready().await.unwrap();
        }
        rig.obeys(5).await;
        rig.close().await;
        Ok(())
    });
    outcome.await.unwrap();
}

/// A status that comes when nobody waits for it any more is nobody's: not even the next command's, which waits by then.
/// The session goes on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_status_is_not_the_next_commands() {
    let rig = Rig::new().await;
    let session = rig.axis.connection();
    let late = rig.proxy.to_client().add(faults::latency(DEFAULT_COMMAND_TIMEOUT + SECOND));
    let error = rig.axis.run_command(code::MOVE, &[7.0]).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoReply { .. }), "{error:?}");
    // The next command has been sent when the status comes.
    tokio::join!(biased; rig.obeys(1), async { drop(late) });
    assert!(session.is_connected());
}

/// Frames that come byte by byte are the frames; over a serial line that is just fast enough, telemetry stays as
/// regular as it was, and a status takes the time of its bytes.
#[test_log::test(tokio::test(start_paused = true))]
async fn telemetry_stays_regular_over_a_slow_line() {
    let rig = Rig::new().await;
    let _sliced = rig.proxy.add(faults::slices(1));
    rig.obeys(0).await;
    let _slow = rig.proxy.to_client().add("9600 8N1".parse::<Bandwidth>().unwrap());
    rig.axis.next_telemetry().await.unwrap();
    let begin = Instant::now();
    for _ in 0..10 {
        rig.axis.next_telemetry().await.unwrap();
    }
    assert_eq!(begin.elapsed(), 10 * TENTH);
    let begin = Instant::now();
    rig.axis.run_command(code::MOVE, &[1.0]).await.unwrap();
    let taken = begin.elapsed().as_micros();
    assert!((89_583..91_000).contains(&taken), "86 bytes of 10 bits each take {taken} us");
}

/// What `axis.tcpip` says is what the client says to the controller, and what it understands of it, also byte by byte;
/// nobody is warned of anything.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_client_follows_the_script_of_the_axis() {
    let _quiet = fail_on_warnings();
    let _entered = MemoryNetwork::new().enter();
    for size in [65536, 1] {
        let script = Script::read("../moog-protocol/tests/axis.tcpip").unwrap();
        let device = ScriptedPeer::server(script).start().await.unwrap();
        let proxy = FaultProxy::to(device.host(), device.port()).start().await.unwrap();
        let _sliced = proxy.add(faults::slices(size));
        let axis = Axis::builder(proxy.host(), proxy.port()).connect().await.unwrap();
        let refused = axis.run_command(code::MOVE, &[1.5]).await.unwrap_err();
        assert_eq!(refusal(&refused), "Not allowed in Standby.");
        axis.run_command(code::SET_STATE, &[set_state::ENABLE]).await.unwrap();
        axis.run_command(code::MOVE, &[1.5]).await.unwrap();
        assert_eq!(axis.next_telemetry().await.unwrap().cmd_position.get(), 1.5);
        let refused = axis.run_command(code::MOVE, &[26.0]).await.unwrap_err();
        assert_eq!(refusal(&refused), "Position 26.0 out of range [-25.0, 25.0].");
        axis.run_command(code::ENABLE_DRIVES, &[1.0]).await.unwrap();
        assert_eq!(axis.configured().await.unwrap().drives_enabled, 1);
        axis.close().await;
        device.finish().await.unwrap();
    }
}
