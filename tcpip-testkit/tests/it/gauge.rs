//! A made-up device, its mock and its controller, written as a newcomer would: text commands that end with `\r` and
//! replies that end with `\r\n` on one port, a binary status each second on another, and a configuration in JSON.

use std::{sync::Mutex, time::Duration};

use serde::{Deserialize, Serialize};
use tcpip_client::{Client, Connection, HandlerResult, Latest, ReadAndDispatch, ReadError, ReadLoopClient};
use tcpip_server::{OneClientReadLoopServer, OneClientServerBuilder};
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    big_endian::{F64, U32},
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Status {
    pressure: F64,
    setpoint: F64,
    temperatures: [F64; 2],
    counter: U32,
    flags: U32,
}

const _: () = assert!(size_of::<Status>() == 40);

#[derive(Serialize, Deserialize, Debug)]
struct Config {
    serial: String,
    /// NaN if it was never calibrated.
    offset: f64,
}

// The mock.

#[derive(Default)]
struct MockGauge {
    setpoint: Mutex<f64>,
}

impl MockGauge {
    fn commands(self) -> OneClientServerBuilder<Self> {
        OneClientReadLoopServer::builder(self).terminator(b"\r").write_terminator(b"\r\n")
    }

    fn dispatch(&self, command: &str) -> Result<String, String> {
        if command == "READ?" {
            return Ok(self.setpoint.lock().unwrap().to_string());
        }
        let value = command.strip_prefix("SET ").ok_or("unknown command")?;
        *self.setpoint.lock().unwrap() = value.parse().map_err(|_| format!("{value} is no number"))?;
        Ok("OK".to_owned())
    }
}

impl ReadAndDispatch for MockGauge {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        if command == "CONFIG?" {
            connection.write_json(&Config { serial: "Ω-7".to_owned(), offset: f64::NAN }).await?;
            return Ok(());
        }
        let reply = self.dispatch(&command).unwrap_or_else(|reason| format!("ERR {reason}"));
        connection.write_str(&reply).await?;
        Ok(())
    }
}

/// Sends a status each second; what its client sends is ignored.
struct MockStatus;

impl ReadAndDispatch for MockStatus {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let link = connection.clone();
        connection.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            for counter in 0.. {
                ticks.tick().await;
                if link.write_from(&status(counter)).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        connection.read(100).await?;
        Ok(())
    }
}

fn status(counter: u32) -> Status {
    Status {
        pressure: 1.5.into(),
        setpoint: 12.5.into(),
        temperatures: [20.0.into(), 21.0.into()],
        counter: counter.into(),
        flags: 1.into(),
    }
}

// The controller.

struct Gauge {
    commands: Client,
    status: ReadLoopClient<StatusReader>,
}

#[derive(Default)]
struct StatusReader {
    latest: Latest<Status>,
}

impl ReadAndDispatch for StatusReader {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        self.latest.set(connection.read_struct().await?);
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        self.latest.close();
    }
}

impl Gauge {
    async fn connect(host: &str) -> Outcome<Self> {
        let commands = Client::builder(host, 1).terminator(b"\r\n").write_terminator(b"\r");
        Ok(Self {
            commands: commands.read_timeout(Duration::from_secs(2)).connect().await?,
            status: Client::builder(host, 2).connect_with(StatusReader::default()).await?,
        })
    }

    async fn ask(&self, command: &str) -> Outcome<String> {
        self.commands.write_str(command).await?;
        let reply = self.commands.read_str().await?;
        match reply.strip_prefix("ERR ") {
            Some(reason) => Err(reason.into()),
            None => Ok(reply),
        }
    }

    async fn config(&self) -> Outcome<Config> {
        self.commands.write_str("CONFIG?").await?;
        Ok(self.commands.read_json().await?)
    }

    /// `None` once the gauge is gone.
    async fn next_status(&self) -> Option<Status> {
        self.status.handler().latest.next().await
    }
}

/// The controller drives the mock: commands, a refusal, the configuration, and a status each second; when the mock
/// goes, all of it is told.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_made_up_device_is_driven() -> Outcome<()> {
    let _entered = MemoryNetwork::new().enter();
    let commands = MockGauge::default().commands().host("gauge").port(1).start().await?;
    let statuses = OneClientReadLoopServer::builder(MockStatus).host("gauge").port(2).start().await?;
    let gauge = Gauge::connect("gauge").await?;

    assert_eq!(gauge.ask("SET 12.5").await?, "OK");
    assert_eq!(gauge.ask("READ?").await?, "12.5");
    assert_eq!(gauge.ask("SET x").await.unwrap_err().to_string(), "x is no number");
    let config = gauge.config().await?;
    assert!(config.serial == "Ω-7" && config.offset.is_nan());

    let first = gauge.next_status().await.ok_or("gone")?;
    let began = Instant::now();
    for counter in 1..=5 {
        assert_eq!(gauge.next_status().await.ok_or("gone")?, status(first.counter.get() + counter));
    }
    assert_eq!(began.elapsed().as_secs_f64().round().to_string(), "5");

    statuses.close().await;
    assert_eq!(gauge.next_status().await, None);
    commands.close_client().await;
    let error = gauge.ask("READ?").await.unwrap_err();
    assert!(error.is::<tcpip_client::WriteError>() || error.is::<ReadError>(), "{error:?}");
    Ok(())
}
