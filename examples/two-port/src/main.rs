//! The controller as a program: commands the mirror, and prints what becomes of that, or its telemetry.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode, sync::Arc};

use clap::Parser;
use program::{failed, print_line};
use tokio::task::JoinSet;
use two_port::{Command, DEFAULT_PORTS, Mirror, command_link, telemetry_link};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Gives the mirror all commands at once, prints where the actuators end as they do, and then what the telemetry says
#[derive(Debug, Parser)]
struct Args {
    /// The host name or address of the mirror
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port for commands
    #[arg(long, default_value_t = DEFAULT_PORTS.0)]
    command_port: u16,

    /// The port for telemetry
    #[arg(long, default_value_t = DEFAULT_PORTS.1)]
    telemetry_port: u16,

    /// Actuators to move, each with its position in millimetres, or `stop`
    #[arg(value_name = "ACTUATOR=POSITION", value_parser = command)]
    commands: Vec<(usize, Command)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = run(Args::parse()).await;
    outcome.map_or_else(|error| failed("two-port", error.as_ref()), |()| ExitCode::SUCCESS)
}

async fn run(args: Args) -> Outcome<()> {
    let commands = command_link(&args.host, args.command_port);
    let mirror = Arc::new(Mirror::connect(commands, telemetry_link(&args.host, args.telemetry_port)).await?);
    let mut running = JoinSet::new();
    for (actuator, command) in args.commands {
        let mirror = Arc::clone(&mirror);
        running.spawn(async move { (actuator, mirror.run(&command).await) });
    }
    while let Some(ended) = running.join_next().await {
        let (actuator, position) = ended?;
        print_line(format_args!("actuator {actuator} is at {:?} mm", position?))?;
    }
    let telemetry = mirror.telemetry.handler().latest.next().await.ok_or("the mirror has gone")?;
    print_line(format_args!("{:?}", telemetry.positions))?;
    mirror.both.close().await;
    Ok(())
}

fn command(argument: &str) -> Result<(usize, Command), String> {
    let (actuator, position) = argument.split_once('=').ok_or("an actuator, `=`, and a position or `stop`")?;
    let actuator = actuator.parse().map_err(|error| format!("which actuator: {error}"))?;
    if position == "stop" {
        return Ok((actuator, Command::Stop { actuator }));
    }
    let position = position.parse().map_err(|error| format!("which position: {error}"))?;
    Ok((actuator, Command::Move { actuator, position }))
}
