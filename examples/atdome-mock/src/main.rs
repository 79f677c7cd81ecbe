//! The mock dome as a program: prints where it listens, then serves one client after another until it is told to stop.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use atdome_mock::{DEFAULT_PORT, MockDome};
use clap::Parser;
use program::{failed, log_to_stderr, print_line, stop_signal};

/// The command line.
#[derive(Debug, Parser)]
#[command(about = "A mock of the ATDome. Ends on SIGINT or SIGTERM; RUST_LOG=info tells more")]
struct Args {
    /// The host name or address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 takes any that is free
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// Make the next command of this name fail, once
    #[arg(long, value_name = "COMMAND", value_parser = command_name)]
    fail: Option<String>,
}

fn command_name(name: &str) -> Result<String, &'static str> {
    let is_word = !name.is_empty() && !name.contains(char::is_whitespace);
    if is_word { Ok(name.to_owned()) } else { Err("a command's name is one word, such as MV") }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_to_stderr();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("atdome-mock", error.as_ref()),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    // Before the first line is printed: whoever has read it may send a signal at once.
    let stop = stop_signal()?;
    let dome = MockDome::new();
    if let Some(command) = args.fail {
        dome.fail_next(command);
    }
    let server = dome.server().host(&args.host).port(args.port).start().await?;
    for address in server.local_addrs() {
        print_line(format_args!("listening on {address}"))?;
    }
    stop.await;
    server.close().await;
    Ok(())
}
