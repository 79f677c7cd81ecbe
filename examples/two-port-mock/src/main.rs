//! The mock mirror as a program: prints where it listens, then serves one client after another on each port until it is
//! told to stop.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use clap::Parser;
use program::{failed, log_to_stderr, print_line, stop_signal};
use two_port_mock::{DEFAULT_COMMAND_PORT, DEFAULT_SPEED, DEFAULT_TELEMETRY_PORT, MockMirror};

/// The command line.
#[derive(Debug, Parser)]
#[command(about = "A mock of a mirror with two ports. Ends on SIGINT or SIGTERM; RUST_LOG=info tells more")]
struct Args {
    /// The host name or address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port for commands; 0 takes any that is free
    #[arg(long, default_value_t = DEFAULT_COMMAND_PORT)]
    command_port: u16,

    /// The port for telemetry; 0 takes any that is free
    #[arg(long, default_value_t = DEFAULT_TELEMETRY_PORT)]
    telemetry_port: u16,

    /// How fast an actuator moves, in mm/s
    #[arg(long, default_value_t = DEFAULT_SPEED)]
    speed: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_to_stderr();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("two-port-mock", error.as_ref()),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // Before the first line is printed: whoever has read it may send a signal at once.
    let stop = stop_signal()?;
    let mirror = MockMirror::new().speed(args.speed);
    let commands = mirror.command_server().host(&args.host).port(args.command_port).start().await?;
    let telemetry = mirror.telemetry_server().host(&args.host).port(args.telemetry_port).start().await?;
    for (port, addresses) in [("commands", commands.local_addrs()), ("telemetry", telemetry.local_addrs())] {
        for address in addresses {
            print_line(format_args!("listening on {address} for {port}"))?;
        }
    }
    stop.await;
    commands.close().await;
    telemetry.close().await;
    Ok(())
}
