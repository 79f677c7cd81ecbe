//! The client as a program: sends commands to a controller and prints what it says, one JSON object a line.

#![forbid(unsafe_code)]

mod report;
mod request;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Parser;
use moog_client::{Acknowledged, CommandError, CommandTelemetryClient};
use moog_protocol::{SimpleConfig, SimpleTelemetry};
use program::failed;
use tokio::time::timeout;

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
    let client =
        CommandTelemetryClient::<SimpleConfig, SimpleTelemetry>::builder(&args.host, args.port).connect().await?;
    timeout(READY_TIMEOUT, client.ready()).await.map_err(|_| "no configuration and telemetry in time")??;
    Report::from(&client.configured().await?).print()?;
    let mut all_acknowledged = true;
    for Request { name, code, parameter } in args.commands {
        let outcome = match client.run_command(code, &[parameter]).await {
            Ok(Acknowledged { counter, duration }) => {
                Report::Acknowledged { command: &name, counter, ack: true, duration }
            }
            Err(CommandError::Refused { counter, reason }) => {
                all_acknowledged = false;
                Report::Refused { command: &name, counter, ack: false, reason }
            }
            Err(error) => return Err(error.into()),
        };
        outcome.print()?;
        Report::from(&client.next_telemetry().await?).print()?;
    }
    client.close().await;
    Ok(all_acknowledged)
}
