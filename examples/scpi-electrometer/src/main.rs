//! The controller as a program: asks the electrometer, and prints what it answers.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use clap::{Parser, ValueEnum};
use program::{failed, print_line};
use scpi_electrometer::{DEFAULT_PORT, Electrometer, link};
use tcpip_client::WireLog;

/// Asks the electrometer, once for each command, and prints what it answers: readings in amperes, each on a line
#[derive(Debug, Parser)]
struct Args {
    /// The host name or address of the electrometer
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port of the electrometer
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// Show on stderr what has passed on the wire, at the end
    #[arg(long)]
    wire: bool,

    /// What to ask
    #[arg(required = true, value_name = "COMMAND")]
    commands: Vec<Command>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Command {
    Idn,
    Measure,
    Trace,
    Fetch,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (args, log) = (Args::parse(), WireLog::ring(100));
    let outcome = run(&args, &log).await;
    if args.wire {
        eprint!("{log}");
    }
    outcome.map_or_else(|error| failed("scpi-electrometer", error.as_ref()), |()| ExitCode::SUCCESS)
}

async fn run(args: &Args, log: &WireLog) -> Result<(), Box<dyn Error>> {
    let link = link(&args.host, args.port, log).connect().await?;
    let electrometer = Electrometer::new(&link);
    for command in &args.commands {
        let readings = match command {
            Command::Idn => {
                print_line(electrometer.identity().await?)?;
                continue;
            }
            Command::Measure => vec![electrometer.measure().await?],
            Command::Trace => electrometer.trace().await?,
            Command::Fetch => electrometer.fetch().await?,
        };
        for reading in readings {
            print_line(format_args!("{reading:E}"))?;
        }
    }
    link.close().await;
    Ok(())
}
