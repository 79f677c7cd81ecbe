//! A gauge with its controller and its mock, as small as can be: for `tests/misbehaves.rs`, in which it misbehaves in
//! each of the ways of which `tcpip_testkit::a_device_that_misbehaves` tells.

#![forbid(unsafe_code)]

use std::time::Duration;

use tcpip_client::{Backoff, Client, Link, LinkError, RequestError, RequestOptions, Shape, line};
use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};

/// The controller of a gauge. It connects again whenever the gauge was gone.
#[derive(Debug)]
pub struct Gauge {
    /// The link to it.
    pub link: Link,
}

impl Gauge {
    /// Connects to a gauge, which answers within half a second.
    ///
    /// # Errors
    ///
    /// Those of the first attempt.
    pub async fn connect(host: &str, port: u16) -> Result<Self, LinkError> {
        let second = Duration::from_secs(1);
        let link = Client::builder(host, port)
            .terminator(b"\r\n")
            .link()
            .backoff(Backoff::exponential(second, 10 * second))
            .requests(RequestOptions::new().reply_timeout(second / 2).gap_timeout(second / 2));
        Ok(Self { link: link.connect().await? })
    }

    /// Returns the temperature, in degrees Celsius.
    ///
    /// # Errors
    ///
    /// There is no reply, or it is no number.
    pub async fn temperature(&self) -> Result<f64, RequestError> {
        self.link.ask_for("T?", line().try_map(|reply| reply.parse::<f64>())).await
    }
}

/// The mock: it is 21.5 °C, always.
#[derive(Debug)]
pub struct MockGauge;

impl ReadAndDispatch for MockGauge {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        match connection.read_str().await {
            Ok(command) => connection.write_str(if command == "T?" { "21.5" } else { "ERROR" }).await?,
            Err(error) if error.ends_session() => return Err(error.into()),
            Err(error) => tracing::warn!("passed over: {error}"),
        }
        Ok(())
    }
}
