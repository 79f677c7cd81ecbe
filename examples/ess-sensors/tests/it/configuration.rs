//! The configuration, and what becomes of one that is refused.

use std::time::Duration;

use ess_sensors::{Configuration, Refusal, Sensors};
use tcpip_client::{LinkError, LinkState, RequestError, Sent};
use tcpip_testkit::{EnteredNetwork, MemoryNetwork, Script, ScriptedPeer, eventually};
use tokio::time::Instant;

use crate::setup::{Setup, configuration, failure, link_to, start, wait_for};

fn refusal(error: &LinkError) -> Refusal {
    let LinkError::Handshake(error) = error else { panic!("{error:?}") };
    *error.downcast_ref().and_then(RequestError::refusal).expect("it is refused")
}

/// The device is configured when the link is ready, as it was asked for.
#[test_log::test(tokio::test)]
async fn the_device_is_configured() {
    let setup = Setup::new().await;
    assert!(setup.mock.handler().is_configured());
    let second = eventually(setup.sensors.telemetry("TempSensor2").unwrap().wait_for(|_| true)).await.unwrap();
    assert_eq!((second.name.as_str(), second.sensor_data.as_slice()), ("TempSensor2", [20.0].as_slice()));
    assert!(setup.sensors.telemetry("TempSensor3").is_none());
}

/// A configuration that will never do is for good.
#[test_log::test(tokio::test)]
async fn a_wrong_configuration_is_for_good() {
    let mock = start(0).await;
    for wrong in [Configuration::new(), configuration().sensor("TempSensor1", 1), configuration().sensor("more", 17)] {
        let error = link_to(mock.port(), wrong.clone()).connect().await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::BadParameters);
        let link = link_to(mock.port(), wrong).start();
        let error = eventually(link.ready()).await.unwrap_err();
        assert_eq!(refusal(&error), Refusal::BadParameters);
        let text = error.to_string();
        assert!(text.ends_with("the device says: the parameters are wrong"), "{text}");
        assert!(matches!(*link.states().borrow(), LinkState::Failed { .. }), "{link:?}");
    }
    assert!(!mock.handler().is_configured());
}

/// A device that is not yet as far is asked again.
#[test_log::test(tokio::test)]
async fn a_device_that_starts_up_is_asked_again() {
    let mock = start(0).await;
    mock.handler().set_starting(true);
    let link = link_to(mock.port(), configuration()).start();
    assert_eq!(refusal(&failure(&link).await), Refusal::StartingUp);
    let again = |state: &LinkState| matches!(state, LinkState::Backoff { attempt, .. } if *attempt > 1);
    wait_for(&link, again).await;
    mock.handler().set_starting(false);
    eventually(link.ready()).await.unwrap();
    assert!(mock.handler().is_configured());
}

/// A device that does what a script says, on a port of 127.0.0.1 in a network of the test.
pub(crate) async fn scripted(script: &str) -> (ScriptedPeer, EnteredNetwork) {
    let entered = MemoryNetwork::new().enter();
    let peer = ScriptedPeer::server(Script::parse(script).unwrap()).start().await.unwrap();
    (peer, entered)
}

/// What a device says by a number of its own is shown, and may be something else the next time.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_refusal_of_another_number_is_shown() {
    let script = r#"
        any time
          > "heartbeat" CR LF
        end
        > '{"command": "configure", "parameters": {"sensors": [{"name": "one", "channels": 1}]}}' CR LF
        < '{"response": -17}' CR LF
    "#;
    let (device, _entered) = scripted(script).await;
    let link = link_to(device.port(), Configuration::new().sensor("one", 1)).start();
    assert_eq!(refusal(&failure(&link).await), Refusal::Other(-17));
    assert!(!link.states().borrow().is_final(), "{link:?}");
    device.finish().await.unwrap();
}

/// A command that is given before the device is configured waits for that, and is not sent to one that is not.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_command_waits_for_the_configuration() {
    let script = r#"
        > json {"command": "configure", ..} CR LF
        +10ms < '{"response": 5}' CR LF
        > close
        > connect
        > json {"command": "configure", ..} CR LF
        +10ms < '{"response": 0}' CR LF
        > json {"command": "zero", ..} CR LF
        < '{"response": 3}' CR LF
    "#;
    let (device, _entered) = scripted(script).await;
    let link = link_to(device.port(), configuration());
    let sensors = Sensors::new(link.client(|client| client.heartbeat_interval(None)).start());
    for sessions in 1..=2 {
        let transcript = device.transcript();
        eventually(|| String::from_utf8(transcript.received()).unwrap().matches("configure").count() == sessions).await;
        let begin = Instant::now();
        let error = sensors.zero("TempSensor1").await.unwrap_err();
        assert!(begin.elapsed() >= Duration::from_millis(5), "it waits for the response: {error:?}");
        match sessions {
            1 => assert_eq!(error.sent(), Sent::No, "{error:?}"),
            _ => assert_eq!(error.refusal(), Some(&Refusal::NoSuchSensor), "{error:?}"),
        }
    }
    device.finish().await.unwrap();
}
