//! The mock electrometer as a program: prints where it listens, then serves one client after another until it is told
//! to stop.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use clap::Parser;
use program::{failed, log_to_stderr, print_line, stop_signal};
use scpi_electrometer_mock::{DEFAULT_PORT, MockElectrometer};

/// The command line.
#[derive(Debug, Parser)]
#[command(about = "A mock of an electrometer that speaks SCPI. Ends on SIGINT or SIGTERM; RUST_LOG=info tells more")]
struct Args {
    /// The host name or address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_to_stderr();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("scpi-electrometer-mock", error.as_ref()),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // Before the first line is printed: whoever has read it may send a signal at once.
    let stop = stop_signal()?;
    let server = MockElectrometer::new().server().host(&args.host).port(args.port).start().await?;
    for address in server.local_addrs() {
        print_line(format_args!("listening on {address}"))?;
    }
    stop.await;
    server.close().await;
    Ok(())
}
