//! What the sensors tell, and commands among it.

use ess_sensors::Refusal;
use tcpip_client::LinkError;
use tcpip_testkit::eventually;

use crate::{
    configuration::scripted,
    setup::{Setup, configuration, failure, link_to},
};

/// Commands are answered while telemetry comes in plenty, and each has its own reply.
#[test_log::test(tokio::test)]
async fn commands_are_answered_among_telemetry() {
    let setup = Setup::new().await;
    let connection = setup.sensors.link().connection();
    let mut commands = 0;
    while connection.stats().reads < 500 {
        eventually(setup.sensors.zero("TempSensor1")).await.unwrap();
        let refused = eventually(setup.sensors.zero("TempSensor9")).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::NoSuchSensor), "{refused:?}");
        commands += 2;
    }
    assert!(connection.is_connected());
    // Those behind the configuration, whose response comes before them.
    assert!(connection.stats().reads > commands + 1, "{commands} commands, {:?}", connection.stats());
    assert_eq!(setup.sensors.link().handler().late_replies(), 0);
}

/// The configuration is answered behind telemetry, that of a session before for example.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_configuration_is_answered_behind_telemetry() {
    let telemetry = r#"'{"telemetry": {"name": "TempSensor1", "timestamp": 1.5, "response_code": 1, "#.to_owned()
        + r#""sensor_data": [NaN, -Infinity, 1e-300]}}' CR LF"#;
    let script = format!(
        "any time\n> 'heartbeat' CR LF\nend\n< {telemetry}\n> json {{\"command\": \"configure\", ..}} CR LF\n\
         +10ms < {telemetry} '{{\"response\": 0}}' CR LF {telemetry}\n"
    );
    let (device, _entered) = scripted(&script).await;
    let link = link_to(device.port(), configuration()).start();
    let latest = link.handler().protocol().telemetry("TempSensor1").unwrap();
    let reading = eventually(latest.wait_for(|_| true)).await.unwrap();
    assert!(reading.sensor_data[0].is_nan(), "{reading:?}");
    assert_eq!((reading.timestamp, reading.response_code), (1.5, 1));
    assert_eq!(reading.sensor_data[1..], [f64::NEG_INFINITY, 1e-300]);
    assert!(!link.is_ready());
    eventually(link.ready()).await.unwrap();
    device.finish().await.unwrap();
}

/// A channel without a sensor is NaN, and the others are what they are.
#[test_log::test(tokio::test)]
async fn nan_arrives_as_nan() {
    let setup = Setup::new().await;
    setup.mock.handler().unplug("TempSensor1");
    let first = setup.sensors.telemetry("TempSensor1").unwrap();
    let reading = eventually(first.wait_for(|reading| reading.response_code == 1)).await.unwrap();
    assert_eq!(reading.sensor_data[..2], [20.0, 21.0]);
    assert!(reading.sensor_data[2].is_nan(), "{reading:?}");
    let second = eventually(setup.sensors.telemetry("TempSensor2").unwrap().next()).await.unwrap();
    assert_eq!((second.response_code, second.sensor_data.as_slice()), (0, [20.0].as_slice()));
    eventually(setup.sensors.zero("TempSensor1")).await.unwrap();
    let reading = eventually(first.wait_for(|reading| reading.sensor_data[0] == 0.0)).await.unwrap();
    assert!(reading.sensor_data[2].is_nan(), "{reading:?}");
}

/// What is no message may have been a reply, so it costs the session.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_no_message_costs_the_session() {
    let script = r#"
        any time
          > "heartbeat" CR LF
        end
        > json {"command": "configure", ..} CR LF
        < '{"respond": 0}' CR LF
        > close
        > connect
        > json {"command": "configure", ..} CR LF
        < '{"response": 0}' CR LF
    "#;
    let (device, _entered) = scripted(script).await;
    let link = link_to(device.port(), configuration()).start();
    let error = failure(&link).await;
    assert!(matches!(&error, LinkError::Handshake(_) | LinkError::Lost { .. }), "{error:?}");
    eventually(link.ready()).await.unwrap();
    device.finish().await.unwrap();
}
