//! A mock of environmental sensors behind one socket, with what makes such devices a trouble to their controllers:
//! replies that carry no id come among telemetry, readings are NaN, and clients must show that they live.
//!
//! [`MockSensors`] is the handler of a [`OneClientReadLoopServer`](tcpip_server::OneClientReadLoopServer). A test makes
//! one, starts its server on any free port, and steers it through the server's `handler()`:
//!
//! ```
//! use ess_sensors_mock::MockSensors;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MockSensors::new().server().port(0).start().await?;
//! println!("the sensors listen on {}:{}", server.host(), server.port());
//! server.handler().unplug("TempSensor1"); // its last channel reads NaN now
//! server.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The protocol
//!
//! All messages are JSON, each a line that ends in `\r\n`. NaN is written `NaN`, as Python does.
//!
//! Whatever line comes has one response, in order, but heartbeats have none:
//!
//! | line | |
//! |---|---|
//! | `{"command":"configure","parameters":{"sensors":[{"name":"TempSensor1","channels":4}]}}` | has these sensors tell what they measure, and no others |
//! | `{"command":"zero","parameters":{"name":"TempSensor1"}}` | what the sensor reads now is zero from now on |
//! | `heartbeat` | the client lives. One that does not say so for 10 s is hung up on |
//!
//! | response | |
//! |---|---|
//! | `{"response": 0}` | done |
//! | `{"response": 1}` | this is no command |
//! | `{"response": 2}` | these are no such parameters: from 1 to 32 sensors, each with another name, and from 1 to 16 channels |
//! | `{"response": 3}` | there is no such sensor |
//! | `{"response": 4}` | no sensor is configured |
//! | `{"response": 5}` | the device starts up, and can do it later |
//!
//! From the configuration on, which outlives a client, each sensor tells each second what it measures, and when it is
//! configured or zeroed at once:
//!
//! ```text
//! {"telemetry": {"name": "TempSensor1", "timestamp": 1.5e9, "response_code": 0, "sensor_data": [20.0, 21.0, NaN]}}
//! ```
//!
//! The time is Unix time in seconds. The response code is 0, or 1 if a channel has no sensor, which is NaN.

#![forbid(unsafe_code)]

mod messages;
mod mock_sensors;
mod sensor;

pub use mock_sensors::{DEFAULT_PERIOD, DEFAULT_PORT, MockSensors};
