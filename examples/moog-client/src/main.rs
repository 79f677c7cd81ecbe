//! The client as a program: sends commands to a controller and prints what it says, one JSON object a line.

#![forbid(unsafe_code)]

mod report;
mod request;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Parser;
use moog_client::{Acknowledged, Builder};
use moog_protocol::{SimpleConfig, SimpleTelemetry};
use program::failed;
use tcpip_client::{Cause, Client, LinkError, RequestError};

use crate::{report::Report, request::Request};

/// How long to wait for the configuration and the first telemetry.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the program ends with when a command was refused.
const REFUSED: u8 = 2;

/// What it ends with when the command line is wrong, which is no refusal of the controller's.
const USAGE: u8 = 64;

/// Sends commands to a controller, one after another, and prints JSON lines: its configuration, then for each command
/// what became of it and the telemetry that follows. Ends with 0 when all were acknowledged, with 2 when one was
/// refused, and with 1 when the connection failed
#[derive(Debug, Parser)]
struct Args {
    /// The host name or address of the controller
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port of the controller
    #[arg(long)]
    port: u16,

    /// The commands: enable, standby, clear-error, drives-on, drives-off, move=POSITION
    #[arg(value_name = "COMMAND", allow_hyphen_values = true)]
    commands: Vec<Request>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::log_to_stderr();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match run(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(error) => failed("moog-client", error.as_ref()),
    }
}

/// Whether all commands were acknowledged.
async fn run(args: Args) -> Result<bool, Box<dyn Error>> {
    let link = Client::builder(&args.host, args.port).name("moog-client").link().handshake_timeout(READY_TIMEOUT);
    let client = Builder::<SimpleConfig, SimpleTelemetry>::over(link).connect().await.map_err(not_ready)?;
    Report::from(&client.configured().await?).print()?;
    let mut all_acknowledged = true;
    // Nobody else commands: the counters of the client are these.
    for (counter, Request { name, code, parameter }) in (0..).zip(args.commands) {
        let outcome = client.run_command(code, &[parameter]).await;
        let report = match outcome.as_ref().map_err(RequestError::cause) {
            Ok(&Acknowledged { counter, duration }) => {
                Report::Acknowledged { command: &name, counter, ack: true, duration }
            }
            Err(Cause::Refused { reason }) => {
                all_acknowledged = false;
                Report::Refused { command: &name, counter, ack: false, reason: reason.to_string() }
            }
            Err(cause) => return Err(format!("{name}: {cause}").into()),
        };
        report.print()?;
        Report::from(&client.next_telemetry().await?).print()?;
    }
    client.close().await;
    Ok(all_acknowledged)
}

/// What a person is told of a controller that does not become ready.
fn not_ready(error: LinkError) -> Box<dyn Error> {
    match error {
        LinkError::HandshakeTimeout { .. } => "no configuration and telemetry in time".into(),
        LinkError::TurnedAway { reason } | LinkError::Lost { reason } => {
            format!("the connection is lost: {reason}").into()
        }
        error => error.into(),
    }
}
