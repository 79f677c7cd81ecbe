//! The controller as a program: sends commands to a dome and prints the replies.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode, time::Duration};

use atdome_controller::{DEFAULT_PORT, Dome};
use clap::Parser;
use program::{failed, print_line};

/// Sends commands to the dome, one after another, and prints each line of the replies
#[derive(Debug, Parser)]
struct Args {
    /// The host name or address of the dome
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port of the dome
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// How long to wait for the connection, and for each reply
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    timeout: Duration,

    /// The commands, each a word of its own for the shell: "280.00 MV" "+"
    #[arg(required = true, value_name = "COMMAND")]
    commands: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, Box<dyn Error + Send + Sync>> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("atdome-controller", error.as_ref()),
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let dome = Dome::builder(&args.host, args.port)
        .connect_timeout(args.timeout)
        .reply_timeout(args.timeout)
        .connect()
        .await?;
    for command in &args.commands {
        for line in dome.send(command).await? {
            print_line(line)?;
        }
    }
    dome.close().await;
    Ok(())
}
