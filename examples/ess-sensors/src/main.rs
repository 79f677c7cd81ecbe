//! The controller as a program: configures the sensors, and prints what they measure.

#![forbid(unsafe_code)]

use std::{error::Error, process::ExitCode};

use clap::Parser;
use ess_sensors::{Configuration, DEFAULT_PORT, Sensors, link};
use program::{failed, interrupted, log_to_stderr, print_line, stop_signal};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Configures the sensors, and prints what they measure, a line for each reading of each; they are configured again
/// whenever they have come back. Ends on SIGINT or SIGTERM
#[derive(Debug, Parser)]
struct Args {
    /// The host name or address of the sensors
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port of the sensors
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,

    /// How many readings of each sensor are printed; all that come, if it is not said
    #[arg(long)]
    readings: Option<u64>,

    /// Zero each sensor first
    #[arg(long)]
    zero: bool,

    /// The sensors, and how many channels each has
    #[arg(value_name = "NAME=CHANNELS", value_parser = sensor, default_value = "TempSensor1=4")]
    sensors: Vec<(String, usize)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log_to_stderr();
    run(Args::parse()).await.unwrap_or_else(|error| failed("ess-sensors", error.as_ref()))
}

async fn run(args: Args) -> Outcome<ExitCode> {
    let stop = stop_signal()?;
    tokio::select! {
        biased;
        () = stop => Ok(interrupted("ess-sensors")),
        outcome = print_all(args) => outcome.map(|()| ExitCode::SUCCESS),
    }
}

async fn print_all(args: Args) -> Outcome<()> {
    let all = args.sensors.iter().fold(Configuration::new(), |all, (name, channels)| all.sensor(name, *channels));
    let sensors = Sensors::new(link(&args.host, args.port, all).connect().await?);
    let mut printing = JoinSet::new();
    for (name, _) in args.sensors {
        if args.zero {
            sensors.zero(&name).await?;
        }
        printing.spawn(print_readings(sensors.clone(), name, args.readings));
    }
    while let Some(printed) = printing.join_next().await {
        printed??;
    }
    sensors.link().close().await;
    Ok(())
}

async fn print_readings(sensors: Sensors, name: String, mut left: Option<u64>) -> Outcome<()> {
    let telemetry = sensors.telemetry(&name).ok_or("it is none of the configuration")?;
    while left != Some(0) {
        match telemetry.next().await {
            Some(reading) => {
                print_line(format_args!("{} {name} {:?}", reading.timestamp, reading.sensor_data))?;
                left = left.map(|left| left - 1);
            }
            None => sensors.link().ready().await?,
        }
    }
    Ok(())
}

fn sensor(argument: &str) -> Result<(String, usize), String> {
    let (name, channels) = argument.split_once('=').ok_or("a name, `=`, and how many channels it has")?;
    let channels = channels.parse().map_err(|error| format!("how many channels: {error}"))?;
    Ok((name.to_owned(), channels))
}
