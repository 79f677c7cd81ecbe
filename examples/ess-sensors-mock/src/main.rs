//! The mock sensors as a program: prints where they listen, then serves one client after another until it is told to
//! stop.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use clap::Parser;
use ess_sensors_mock::{DEFAULT_PORT, MockSensors};
use program::{failed, log_to_stderr, print_line, stop_signal};

/// The command line.
#[derive(Debug, Parser)]
#[command(about = "A mock of environmental sensors. Ends on SIGINT or SIGTERM; RUST_LOG=info tells more")]
struct Args {
    /// The host name or address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// A sensor whose last channel reads NaN; may be given again
    #[arg(long, value_name = "SENSOR")]
    unplugged: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_to_stderr();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("ess-sensors-mock", error.as_ref()),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // Before the first line is printed: whoever has read it may send a signal at once.
    let stop = stop_signal()?;
    let server = MockSensors::new().server().host(&args.host).port(args.port).start().await?;
    for sensor in &args.unplugged {
        server.handler().unplug(sensor);
    }
    for address in server.local_addrs() {
        print_line(format_args!("listening on {address}"))?;
    }
    stop.await;
    server.close().await;
    Ok(())
}
