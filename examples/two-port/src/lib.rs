//! A controller of a mirror with two ports: commands of many tasks on one, of which each gets its own replies in
//! whatever order they come, and telemetry on the other. Both are up, or none.
//!
//! The device, as `two-port-mock` plays it, acknowledges each command, says how long it will take if it knows, and then
//! that it has succeeded or failed; its actuators move at the same time. On the other port it says 20 times a second
//! where they are.
//!
//! ```
//! use two_port::{Command, Mirror, command_link, telemetry_link};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let mock = two_port_mock::MockMirror::new().speed(1000.0);
//! # let (commands, telemetry) = (mock.command_server().start().await?, mock.telemetry_server().start().await?);
//! # let (host, command_port, telemetry_port) = (commands.host(), commands.port(), telemetry.port());
//! let mirror =
//!     Mirror::connect(command_link(host, command_port), telemetry_link(host, telemetry_port)).await?;
//! let mut far = mirror.commands.handler().submit(&Command::Move { actuator: 0, position: 10.0 }).await?;
//! far.acknowledged().await?; // it moves, and others may
//! println!("near: {} mm", mirror.run(&Command::Move { actuator: 1, position: 0.5 }).await?);
//! println!("{:?}", mirror.telemetry.handler().latest.next().await); // `None` if the session ends before
//! println!("far: {:?}", far.await?.word);
//! mirror.both.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! A command whose caller is gone, or whose end is late, is carried out all the same; what comes of it is
//! [counted](Commands::late_replies), and never taken for another's.

#![forbid(unsafe_code)]

mod messages;

use std::time::Duration;

use serde::de::DeserializeOwned;
use tcpip_client::{
    Batch, Client, Commands, Connection, Group, HandlerError, HandlerResult, Kind, Latest, Link, LinkBuilder,
    LinkError, Phase, Protocol, ReadAndDispatch, RequestError, WriteError,
};

pub use self::messages::{Command, Reply, Telemetry, Word};

/// The ports on which the mirror is found unless something else is said: for commands, and for telemetry.
pub const DEFAULT_PORTS: (u16, u16) = (5571, 5572);

/// So much longer than the mirror says a command may take.
pub const MARGIN: Duration = Duration::from_secs(2);

/// How long there may be no telemetry, which comes 20 times a second: 1 s.
pub const SILENCE: Duration = Duration::from_secs(1);

fn link(name: &str, host: &str, port: u16) -> LinkBuilder {
    Client::builder(host, port).name(name).terminator(b"\n").link()
}

/// Returns the options of the link to the port for commands.
pub fn command_link(host: &str, port: u16) -> LinkBuilder<Commands<CommandPort>> {
    // One for each actuator, and some to stop them.
    link("mirror commands", host, port).handler(Commands::new(CommandPort).in_flight(256))
}

/// Returns the options of the link to the port for telemetry.
pub fn telemetry_link(host: &str, port: u16) -> LinkBuilder<TelemetryPort> {
    link("mirror telemetry", host, port).client(|client| client.idle_timeout(SILENCE)).handler(TelemetryPort::default())
}

/// The mirror. Dropping it closes both links.
#[derive(Debug)]
pub struct Mirror {
    /// The link to the port for commands, whose handler gives them.
    pub commands: Link<Commands<CommandPort>>,
    /// The link to the port for telemetry, whose handler has the latest.
    pub telemetry: Link<TelemetryPort>,
    /// Both links: whether they are ready, and to close them.
    pub both: Group,
}

impl Mirror {
    /// Connects to both ports. Afterwards they come back by themselves.
    ///
    /// # Errors
    ///
    /// Why the first attempt failed.
    pub async fn connect(
        commands: LinkBuilder<Commands<CommandPort>>,
        telemetry: LinkBuilder<TelemetryPort>,
    ) -> Result<Self, LinkError> {
        let both = Group::new();
        let (commands, telemetry) = (commands.group(&both).start(), telemetry.group(&both).start());
        both.connect().await?;
        Ok(Self { commands, telemetry, both })
    }

    /// Has an actuator do something, and returns where it is in the end, in millimetres.
    ///
    /// # Errors
    ///
    /// Those of [`Commands::run`]: [`Refused`](tcpip_client::Cause::Refused), with what the mirror says.
    pub async fn run(&self, command: &Command) -> Result<f64, RequestError> {
        let end = self.commands.handler().run(command).await?;
        let Word::Success { position } = end.word else { unreachable!("no other word is done") };
        Ok(position)
    }
}

/// What is spoken on the port for commands.
#[derive(Debug)]
pub struct CommandPort;

impl Protocol for CommandPort {
    type Command = Command;
    type Frame = Reply;
    type Id = u64;

    fn id(&self, number: u64) -> u64 {
        number
    }

    fn write(&self, &id: &u64, command: &Command, message: &mut Batch) -> Result<(), WriteError> {
        message.write_json(&messages::Numbered { id, command }).map(drop)
    }

    async fn read(&self, connection: &Connection) -> Result<Reply, HandlerError> {
        read(connection).await
    }

    fn classify(&self, reply: &Reply) -> Kind<u64> {
        let within = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default().saturating_add(MARGIN);
        let phase = match &reply.word {
            Word::Ack { seconds } => Phase::Interim(seconds.map(within)),
            Word::Success { .. } => Phase::Done,
            Word::Fail { reason } => Phase::Failed(reason.as_str().into()),
        };
        Kind::Reply(reply.id, phase)
    }
}

/// What comes on the port for telemetry.
#[derive(Debug, Default)]
pub struct TelemetryPort {
    /// What has come last.
    pub latest: Latest<Telemetry>,
}

impl ReadAndDispatch for TelemetryPort {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        self.latest.set(read(connection).await?);
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        self.latest.interrupt();
    }
}

/// Reads a message. What is none is passed over: whatever it was, the next one has an id of its own, or none.
async fn read<T: DeserializeOwned>(connection: &Connection) -> Result<T, HandlerError> {
    loop {
        match connection.read_json().await {
            Ok(message) => return Ok(message),
            Err(error) if error.ends_session() => return Err(error.into()),
            Err(error) => tracing::warn!("passed over: {error}"),
        }
    }
}
