//! Connecting again.

use scpi_electrometer::{Electrometer, WrongWelcome, link};
use scpi_electrometer_mock::MockElectrometer;
use tcpip_client::{LinkError, WireLog};
use tcpip_testkit::{MemoryNetwork, Script, ScriptedPeer};

use crate::setup::{IDENTITY, Setup, failure, start};

/// When the mock is stopped and started again on its port, the electrometer is there again, and commands that were
/// asked meanwhile have waited for it.
#[test_log::test(tokio::test(start_paused = true))]
async fn it_comes_back_with_the_device() {
    let _entered = MemoryNetwork::new().enter();
    let setup = Setup::new().await;
    setup.electrometer.measure().await.unwrap();
    let port = setup.mock.port();
    setup.mock.close().await;
    setup.link.connection().wait_disconnected().await;
    assert!(!setup.link.is_ready());
    let restart = start(MockElectrometer::new(), port);
    let (trace, _mock) = tokio::join!(setup.electrometer.trace(), restart);
    assert_eq!(trace.unwrap(), [0.0; 0], "it is another, that has measured nothing");
    assert_eq!(setup.electrometer.identity().await.unwrap(), IDENTITY);
}

/// A welcome that is another device's is an attempt that failed, and says what came; the link goes on trying.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_wrong_welcome_is_an_attempt_that_failed() {
    let _entered = MemoryNetwork::new().enter();
    let script = r#"
        < "laser printer" CR LF
        > close                             # nothing was sent
        > connect
        < "PICO-1 electrometer" CR LF
        > "*IDN?" CR
        < "*IDN?" CR "its own" CR LF        # behind its echo
    "#;
    let device = ScriptedPeer::server(Script::parse(script).unwrap()).start().await.unwrap();
    let link = link(device.host(), device.port(), &WireLog::ring(10)).start();
    let error = failure(&link).await;
    let LinkError::Handshake(error) = &error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<WrongWelcome>().unwrap().0, "laser printer");
    assert_eq!(Electrometer::new(&link).identity().await.unwrap(), "its own");
    device.finish().await.unwrap();
}
