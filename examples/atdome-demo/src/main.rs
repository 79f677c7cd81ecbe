//! The mock dome and its controller, talking over TCP on a free port while a person watches: homing, doors, rotation,
//! a second client that is refused, a mock that hangs up. Every step is checked; the program fails if one deviates.

mod deviation;
mod journal;
mod pace;
mod screen;
mod show;

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use program::with_causes;
use tokio::time::timeout;

use crate::{pace::Pace, screen::Screen, show::Show};

/// Longer than this, the show has gone wrong somewhere.
const LONGEST: Duration = Duration::from_secs(29);

/// What a shell calls a program that an interrupt has ended.
const INTERRUPTED: u8 = 130;

/// The mock dome and its controller at work together, to watch, for 23 seconds. Fails if anything is not as expected
#[derive(Debug, Parser)]
struct Args {
    /// How many times faster everything goes
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    speed_up: f64,

    /// Make the next command of this name fail, to see the show fail
    #[arg(long, value_name = "COMMAND")]
    fail: Option<String>,
}

fn factor(text: &str) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let factor = text.parse()?;
    if (1.0..=100.0).contains(&factor) { Ok(factor) } else { Err("from 1 to 100".into()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let screen = Arc::new(Screen::stdout());
    let show = async {
        let show = Show::start(Arc::clone(&screen), Pace::new(args.speed_up), args.fail).await?;
        show.run().await
    };
    tokio::select! {
        result = timeout(LONGEST, show) => {
            let result = result.unwrap_or_else(|_| Err(format!("not over after {LONGEST:?}").into()));
            match result.and_then(|()| Ok(screen.end()?)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    screen.leave_bar();
                    eprintln!("atdome-demo: {}", with_causes(error.as_ref()));
                    ExitCode::FAILURE
                }
            }
        }
        interrupt = tokio::signal::ctrl_c() => {
            screen.leave_bar();
            match interrupt {
                Ok(()) => eprintln!("atdome-demo: interrupted"),
                Err(error) => eprintln!("atdome-demo: cannot wait for an interrupt: {error}"),
            }
            ExitCode::from(INTERRUPTED)
        }
    }
}
