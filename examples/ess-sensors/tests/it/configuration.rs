//! The configuration, and what becomes of one that is refused.

use std::{future::poll_fn, pin::pin, task::Poll};

use ess_sensors::{Configuration, Refusal, Sensors};
use tcpip_client::{LinkError, LinkState, RequestError, Sent};
use tcpip_testkit::eventually;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

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

/// What a device says by a number of its own is shown, and may be something else the next time.
#[test_log::test(tokio::test)]
async fn a_refusal_of_another_number_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = link_to(listener.local_addr().unwrap().port(), Configuration::new().sensor("one", 1)).start();
    let (stream, _) = listener.accept().await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut said = eventually(lines.next_line()).await.unwrap().unwrap();
    if said == "heartbeat" {
        said = eventually(lines.next_line()).await.unwrap().unwrap();
    }
    let expected = r#"{"command": "configure", "parameters": {"sensors": [{"name": "one", "channels": 1}]}}"#;
    assert_eq!(said, expected);
    writer.write_all(b"{\"response\": -17}\r\n").await.unwrap();
    assert_eq!(refusal(&failure(&link).await), Refusal::Other(-17));
    assert!(!link.states().borrow().is_final(), "{link:?}");
}

/// A command that is given before the device is configured waits for that, and is not sent to one that is not.
#[test_log::test(tokio::test)]
async fn a_command_waits_for_the_configuration() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = link_to(listener.local_addr().unwrap().port(), configuration());
    let sensors = Sensors::new(link.client(|client| client.heartbeat_interval(None)).start());
    for (response, is_configured) in [("{\"response\": 5}\r\n", false), ("{\"response\": 0}\r\n", true)] {
        let (reader, mut writer) = eventually(listener.accept()).await.unwrap().0.into_split();
        let mut lines = BufReader::new(reader).lines();
        assert!(eventually(lines.next_line()).await.unwrap().unwrap().contains("configure"));
        let mut early = pin!(sensors.zero("TempSensor1"));
        assert!(poll_fn(|context| Poll::Ready(early.as_mut().poll(context).is_pending())).await);
        writer.write_all(response.as_bytes()).await.unwrap();
        let answering = async {
            let heard = eventually(lines.next_line()).await.unwrap();
            assert_eq!(heard.is_some_and(|command| command.contains("zero")), is_configured);
            assert_eq!(sensors.link().is_ready(), is_configured);
            writer.write_all(b"{\"response\": 3}\r\n").await.unwrap();
        };
        match tokio::join!(early, answering).0 {
            Err(error) if error.refusal() == Some(&Refusal::NoSuchSensor) => assert!(is_configured),
            Err(error) if error.sent() == Sent::No => assert!(!is_configured, "{error:?}"),
            outcome => panic!("{outcome:?}"),
        }
    }
}
