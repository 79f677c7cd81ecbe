//! The mock controller and its client, talking over TCP on a free port while a person watches: what is refused, a move
//! with its telemetry plotted as it comes, a controller that vanishes. Every step is checked; the program fails if one
//! deviates.

#![forbid(unsafe_code)]

mod plot;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Parser;
use moog_client::CommandTelemetryClient;
use moog_mock::{MockController, SimpleDevice, TELEMETRY_INTERVAL};
use moog_protocol::{SimpleConfig, SimpleTelemetry, code, code::set_state};
use program::{failed, interrupted, print_line, stop_signal};
use tcpip_client::{Cause, RequestError};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::plot::Plot;

type Axis = CommandTelemetryClient<SimpleConfig, SimpleTelemetry>;
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Where the move goes, in so many steps.
const GOAL: f64 = 20.0;
const STEPS: u32 = 40;

/// Longer than this, the show has gone wrong somewhere.
const LONGEST: Duration = Duration::from_secs(25);

/// The mock controller and its client at work together, to watch, for 5 seconds. Fails if anything is not as expected
#[derive(Debug, Parser)]
struct Args {
    /// How many times faster everything goes
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    speed_up: u32,
}

fn factor(text: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
    let factor = text.parse()?;
    if (1..=50).contains(&factor) { Ok(factor) } else { Err("from 1 to 50".into()) }
}

/// How the show came to its end.
enum End {
    Over,
    Interrupted,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(End::Over) => ExitCode::SUCCESS,
        Ok(End::Interrupted) => interrupted("moog-demo"),
        Err(error) => failed("moog-demo", error.as_ref()),
    }
}

async fn run(args: Args) -> Outcome<End> {
    let stop = stop_signal()?;
    tokio::select! {
        biased;
        shown = timeout(LONGEST, show(TELEMETRY_INTERVAL / args.speed_up)) => {
            shown.map_err(|_| format!("not over after {LONGEST:?}"))??;
            Ok(End::Over)
        }
        () = stop => Ok(End::Interrupted),
    }
}

async fn show(period: Duration) -> Outcome {
    let controller = MockController::new(SimpleDevice::new()).telemetry_interval(period);
    let server = controller.server().port(0).start().await?;
    print_line(format_args!("the mock listens on {}:{}", server.host(), server.port()))?;
    let axis = Axis::builder(server.host(), server.port()).connect().await?;
    let config = axis.configured().await?;
    let (min, max) = (config.min_position.get(), config.max_position.get());
    print_line(format_args!("the client knows its configuration: positions from {min} to {max}\n"))?;

    refused(&axis, GOAL, "in standby").await?;
    axis.run_command(code::SET_STATE, &[set_state::ENABLE]).await?;
    print_line("enabled\n")?;
    move_and_plot(&axis, &Plot::new(min, max), period).await?;
    refused(&axis, max + 1.0, "beyond the limit").await?;

    print_line("\nthe controller vanishes")?;
    server.close().await;
    let outcome = axis.run_command(code::MOVE, &[0.0]).await;
    match outcome.as_ref().map_err(RequestError::cause) {
        Err(Cause::NotConnected { reason: Some(reason), .. }) => {
            print_line(format_args!("the client is told: the connection is lost: {reason}"))?;
        }
        _ => return Err(format!("the loss was not told: {outcome:?}").into()),
    }
    Ok(())
}

/// Moves to the goal step by step, while the plot goes on with the telemetry, up to the goal.
async fn move_and_plot(axis: &Axis, plot: &Plot, period: Duration) -> Outcome {
    let moving = async {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for step in 1..=STEPS {
            ticks.tick().await;
            axis.run_command(code::MOVE, &[GOAL * f64::from(step) / f64::from(STEPS)]).await?;
        }
        Outcome::Ok(())
    };
    let plotting = async {
        let mut last = f64::NEG_INFINITY;
        loop {
            let telemetry = axis.next_telemetry().await?;
            let (position, goal) = (telemetry.curr_position.get(), telemetry.cmd_position.get());
            print_line(plot.line(position, goal))?;
            if position < last {
                return Err(format!("the axis went back from {last} to {position}").into());
            }
            last = position;
            if position >= GOAL {
                return Outcome::Ok(());
            }
        }
    };
    tokio::try_join!(moving, plotting)?;
    Ok(())
}

/// A move that the controller refuses, for a reason that is shown.
async fn refused(axis: &Axis, position: f64, why: &str) -> Outcome {
    let outcome = axis.run_command(code::MOVE, &[position]).await;
    match outcome.as_ref().map_err(RequestError::cause) {
        Err(Cause::Refused { reason }) => {
            print_line(format_args!("a move to {position} {why} is refused: {reason}"))?;
        }
        _ => return Err(format!("a move to {position} {why} came to {outcome:?}").into()),
    }
    Ok(())
}
