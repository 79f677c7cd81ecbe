//! Ports that go away and come back: both are up, or none.

use std::{future::poll_fn, pin::pin, task::Poll};

use tcpip_client::{Cause, DisconnectReason, LinkError, Sent};
use tcpip_server::OneClientServer;
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{net::TcpSocket, time::Instant};
use two_port::{Command, Mirror, SILENCE, command_link, telemetry_link};
use two_port_mock::MockMirror;

use crate::setup::{HOST, Setup, failure, is_down_with_the_other};

/// When the session of one port is lost, that of the other is as well, whoever waits is told, and both come back.
#[test_log::test(tokio::test)]
async fn both_fall_and_come_back() {
    for is_telemetry in [true, false] {
        let setup = Setup::new().await;
        let (commands, telemetry) = setup.sessions();
        setup.mock.hold();
        let mut pending = setup.mirror.commands.handler().submit(&Command::Stop { actuator: 0 }).await.unwrap();
        eventually(pending.acknowledged()).await.unwrap();
        let mut nothing = pin!(setup.mirror.telemetry.handler().latest.wait_for(|_| false));
        assert!(poll_fn(|context| Poll::Ready(nothing.as_mut().poll(context).is_pending())).await);
        if is_telemetry {
            setup.telemetry.close_client().await;
            assert!(is_down_with_the_other(&setup.mirror.commands, "mirror telemetry").await);
        } else {
            setup.commands.close_client().await;
            assert!(is_down_with_the_other(&setup.mirror.telemetry, "mirror commands").await);
        }
        assert_eq!(eventually(nothing).await, None);
        let error = eventually(pending).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NotConnected { reason: Some(_), .. }), "{error:?}");
        assert_eq!(error.sent(), Sent::Yes);
        setup.mock.release();
        eventually(setup.mirror.both.ready()).await.unwrap();
        let again = setup.sessions();
        assert!(again.0 != commands && again.1 != telemetry, "both are others");
        let moved = eventually(setup.mirror.run(&Command::Move { actuator: 0, position: 1.0 })).await;
        assert_eq!(moved.unwrap(), 1.0);
        let latest = &setup.mirror.telemetry.handler().latest;
        eventually(latest.wait_for(|telemetry| telemetry.positions[0] == 1.0)).await.unwrap();
    }
}

/// While one port is down, the link to the other is not ready, and nothing is sent; when it is up again, both are.
#[test_log::test(tokio::test(start_paused = true))]
async fn none_is_ready_without_the_other() {
    let _entered = MemoryNetwork::new().enter();
    let setup = Setup::new().await;
    setup.commands.close().await;
    assert!(is_down_with_the_other(&setup.mirror.telemetry, "mirror commands").await);
    assert!(!setup.mirror.both.is_ready());
    let error = eventually(setup.mirror.run(&Command::Stop { actuator: 0 })).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    let _commands = setup.mock.command_server().host(HOST).port(setup.commands.port()).start().await.unwrap();
    eventually(setup.mirror.both.ready()).await.unwrap();
    assert!(setup.mirror.telemetry.is_ready());

    setup.telemetry.close().await;
    assert!(is_down_with_the_other(&setup.mirror.commands, "mirror telemetry").await);
    let _telemetry = setup.mock.telemetry_server().host(HOST).port(setup.telemetry.port()).start().await.unwrap();
    eventually(setup.mirror.both.ready()).await.unwrap();
    assert!(setup.mirror.commands.is_ready());
}

/// Both ports must be there at first, and the error is that of the one that is not.
#[test_log::test(tokio::test)]
async fn both_ports_must_be_there() {
    let mock = MockMirror::new();
    let commands = mock.command_server().host(HOST).start().await.unwrap();
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = nobody.local_addr().unwrap().port();
    let error = Mirror::connect(command_link(HOST, commands.port()), telemetry_link(HOST, port)).await.unwrap_err();
    assert!(matches!(&error, LinkError::Connect(_)), "{error:?}");
    eventually(commands.wait_disconnected()).await;
}

/// A port that says nothing any more is given up, and the other with it.
#[test_log::test(tokio::test(start_paused = true))]
async fn silent_telemetry_is_given_up() {
    let _entered = MemoryNetwork::new().enter();
    let mock = MockMirror::new();
    let _commands = mock.command_server().host("mirror").port(1).start().await.unwrap();
    let _silent = OneClientServer::builder().host("mirror").port(2).start().await.unwrap();
    let mirror = Mirror::connect(command_link("mirror", 1), telemetry_link("mirror", 2));
    let (mirror, began) = (mirror.await.unwrap(), Instant::now());
    let error = failure(&mirror.telemetry).await;
    let is_idle = |reason: &DisconnectReason| matches!(reason, DisconnectReason::Idle { after } if *after == SILENCE);
    assert!(matches!(&error, LinkError::Lost { reason } if is_idle(reason)), "{error:?}");
    assert_eq!(began.elapsed().as_millis(), SILENCE.as_millis());
    assert!(is_down_with_the_other(&mirror.commands, "mirror telemetry").await);
}
