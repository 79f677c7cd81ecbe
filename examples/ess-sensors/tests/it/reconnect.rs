//! A device that goes away and comes back.

use tcpip_client::{Cause, LinkState, Sent};
use tcpip_testkit::{MemoryNetwork, eventually};

use crate::setup::{Setup, start, wait_for};

/// A device that is started again on its port is configured again, without anybody asking, and tells what it measures.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_device_that_comes_back_is_configured_again() {
    let _entered = MemoryNetwork::new().enter();
    let mut setup = Setup::new().await;
    for _ in 0..3 {
        assert!(setup.has_telemetry().await);
        let port = setup.mock.port();
        setup.mock.close().await;
        wait_for(setup.sensors.link(), |state| matches!(state, LinkState::Backoff { .. })).await;
        let error = setup.sensors.zero("TempSensor1").await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
        setup.mock = start(port).await;
        eventually(setup.sensors.link().ready()).await.unwrap();
        assert!(setup.mock.handler().is_configured());
    }
    assert!(setup.has_telemetry().await);
    eventually(setup.sensors.zero("TempSensor1")).await.unwrap();
}

/// Who waits for a reading of a device that goes away waits no more.
#[test_log::test(tokio::test)]
async fn nobody_waits_for_a_device_that_has_gone() {
    let setup = Setup::new().await;
    let waiting = tokio::spawn({
        let sensors = setup.sensors.clone();
        async move { sensors.telemetry("TempSensor1").unwrap().wait_for(|reading| reading.timestamp < 0.0).await }
    });
    tokio::task::yield_now().await;
    setup.mock.close().await;
    assert_eq!(eventually(waiting).await.unwrap(), None);
}
