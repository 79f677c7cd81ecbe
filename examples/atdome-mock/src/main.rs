//! The mock dome as a program: prints where it listens, then serves one client after another until it is told to stop.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use atdome_mock::{DEFAULT_PORT, MockDome};
use clap::Parser;
use tracing_subscriber::EnvFilter;

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
        Err(error) => {
            eprintln!("atdome-mock: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
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
        writeln!(io::stdout(), "listening on {address}")?;
    }
    stop.await;
    server.close().await;
    Ok(())
}

/// Listens for the signals that end the program, from now on; the future ends when one has come.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Listens for the signal that ends the program, from now on; the future ends when it has come.
#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Logs who comes and goes for a person who watches, and otherwise only what goes wrong, unless `RUST_LOG` says more.
fn log_to_stderr() {
    let is_watched = io::stderr().is_terminal();
    let default = if is_watched { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(is_watched).init();
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
