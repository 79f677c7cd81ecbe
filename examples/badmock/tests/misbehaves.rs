//! What the controller does when the gauge misbehaves: seven ways, none of which takes any time.

#![cfg(test)]
#![expect(clippy::float_cmp, reason = "these are the values that were sent, bit by bit")]

use std::time::Duration;

use badmock::{Gauge, MockGauge};
use tcpip_client::{Cause, Sent};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::{
    EnteredNetwork, FaultProxy, MemoryNetwork, Record, Script, ScriptedPeer, Transcript,
    faults::{self, Fault},
};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);

/// The gauge, what is between, and the mock: in a network in memory.
async fn rig() -> (Gauge, FaultProxy, OneClientReadLoopServer<MockGauge>, EnteredNetwork) {
    let entered = MemoryNetwork::new().enter();
    let mock = OneClientReadLoopServer::builder(MockGauge).terminator(b"\r\n").start().await.unwrap();
    let proxy = FaultProxy::to(mock.host(), mock.port()).start().await.unwrap();
    let gauge = Gauge::connect(proxy.host(), proxy.port()).await.unwrap();
    assert_eq!(gauge.temperature().await.unwrap(), 21.5);
    (gauge, proxy, mock, entered)
}

/// The next reply is good again.
async fn recovers(gauge: &Gauge) {
    gauge.link.ready().await.unwrap();
    assert_eq!(gauge.temperature().await.unwrap(), 21.5);
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_reply_is_not_the_next_ones() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let _late = proxy.to_client().add(faults::latency(Duration::from_secs(3)).times(1));
    assert!(matches!(gauge.temperature().await.unwrap_err().cause(), Cause::NoReply { .. }));
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_lost_reply_is_missed() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let _lost = proxy.to_client().add(faults::messages(b"\n", faults::drop_bytes()).times(1));
    assert_eq!(gauge.temperature().await.unwrap_err().sent(), Sent::Maybe);
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn half_a_line_and_then_silence_is_no_reply() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let silence = proxy.to_client().add(faults::black_hole().after(3));
    let error = gauge.temperature().await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Stalled { .. }) && error.received() == b"21.", "{error}");
    drop(silence);
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_within_a_reply_is_told_at_once() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let _cut = proxy.to_client().add(faults::reset().after(3).times(1));
    let begin = Instant::now();
    let error = gauge.temperature().await.unwrap_err();
    assert!(error.received() == b"21." && begin.elapsed().is_zero(), "{error}");
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn ten_silent_minutes_are_outlived() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let silence = proxy.add(faults::stall());
    let begin = Instant::now();
    while begin.elapsed() < 10 * MINUTE {
        gauge.link.ready().await.unwrap();
        gauge.temperature().await.unwrap_err();
    }
    drop(silence);
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_wrong_terminator_ends_no_line() {
    let (gauge, proxy, _mock, _entered) = rig().await;
    let _bad = proxy.to_client().add(faults::messages(b"\r\n", faults::terminator(b"\r")).times(1));
    let error = gauge.temperature().await.unwrap_err();
    assert!(error.is_timeout() && error.received() == b"21.5\r", "{error}");
    recovers(&gauge).await;
}

#[test_log::test(tokio::test(start_paused = true))]
async fn a_recorded_session_is_replayed() {
    let transcript = Transcript::new();
    let _entered = MemoryNetwork::new().enter();
    let mock = OneClientReadLoopServer::builder(MockGauge).terminator(b"\r\n").record(&transcript);
    let mock = mock.start().await.unwrap();
    let gauge = Gauge::connect(mock.host(), mock.port()).await.unwrap();
    gauge.temperature().await.unwrap();
    gauge.link.close().await;
    let colder = transcript.to_script().replace("21.5", "-3.5");
    let device = ScriptedPeer::server(Script::parse(&colder).unwrap()).start().await.unwrap();
    let gauge = Gauge::connect(device.host(), device.port()).await.unwrap();
    assert_eq!(gauge.temperature().await.unwrap(), -3.5);
    gauge.link.close().await;
    device.finish().await.unwrap();
}
