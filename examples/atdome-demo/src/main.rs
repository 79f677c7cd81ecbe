//! The mock dome and its controller, talking over TCP on a free port while a person watches: homing, doors, rotation,
//! a second client that is refused, a mock that hangs up, swallows a command, and is started again. Every step is
//! checked; the program fails if one deviates.

#![forbid(unsafe_code)]

mod deviation;
mod journal;
mod pace;
mod screen;
mod show;

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use program::{failed, interrupted, stop_signal};
use tokio::time::timeout;

use crate::{pace::Pace, screen::Screen, show::Show};

/// Longer than this, the show has gone wrong somewhere.
const LONGEST: Duration = Duration::from_secs(35);

/// The mock dome and its controller at work together, to watch, for half a minute. Fails if anything is not as expected
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

/// How the show came to its end.
enum End {
    Over,
    Interrupted,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let screen = Arc::new(Screen::stdout());
    let end = run(&screen, args).await;
    screen.leave_bar();
    match end {
        Ok(End::Over) => ExitCode::SUCCESS,
        Ok(End::Interrupted) => interrupted("atdome-demo"),
        Err(error) => failed("atdome-demo", error.as_ref()),
    }
}

/// Runs the show for as long as somebody may watch it.
async fn run(screen: &Arc<Screen>, args: Args) -> Result<End, Box<dyn Error>> {
    let stop = stop_signal()?;
    let show = async {
        let show = Show::start(Arc::clone(screen), Pace::new(args.speed_up), args.fail).await?;
        show.run().await
    };
    tokio::select! {
        biased;
        result = timeout(LONGEST, show) => result.map_err(|_| format!("not over after {LONGEST:?}"))??,
        () = screen.broken() => {}
        () = stop => return Ok(End::Interrupted),
    }
    screen.end()?;
    Ok(End::Over)
}
