//! Never a wrong pairing, whatever becomes of commands and statuses.
//!
//! A program of its own, without a log, which would tell of every status that nobody waits for.

#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]
#![expect(clippy::float_cmp, reason = "numbers come through as they are sent")]

use std::{future::poll_fn, pin::pin, sync::Mutex, task::Poll, time::Duration};

use moog_client::CommandTelemetryClient;
use moog_protocol::{Command, CommandStatus, Header, SimpleConfig, SimpleTelemetry, frame_id};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::OneClientServerTestCase;
use tokio::time::timeout;
use zerocopy::FromZeros;

type Axis = CommandTelemetryClient<SimpleConfig, SimpleTelemetry>;

/// A command takes no such time, on any machine.
const STUCK: Duration = Duration::from_secs(20);

const RUNS: u64 = 100_000;

/// A small generator of the numbers that steer a run, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Answers a command at once, later, twice or never; all but those that say that they must be answered. The duration in
/// its status is the command's first parameter.
struct Unreliable {
    state: Mutex<(Dice, Vec<Command>)>,
}

impl ReadAndDispatch for Unreliable {
    /// Says what makes a client ready.
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let config = SimpleConfig::new_zeroed();
        let telemetry = SimpleTelemetry::new_zeroed();
        let mut greeting = connection.batch();
        greeting.write_from((&header(frame_id::CONFIG, 0), &config));
        greeting.write_from((&header(frame_id::TELEMETRY, 0), &telemetry));
        greeting.send().await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command: Command = connection.read_struct().await?;
        let mut reply = connection.batch();
        {
            let (dice, held) = &mut *self.state.lock().unwrap();
            let mut answers = Vec::new();
            match dice.roll(4) {
                0 => held.push(command),
                1 => answers.extend([command, command]),
                2 => answers.push(command),
                _ => {}
            }
            while !held.is_empty() && dice.roll(2) == 0 {
                let late = usize::try_from(dice.roll(held.len() as u64)).unwrap_or_default();
                answers.insert(0, held.swap_remove(late));
            }
            let must_be_answered = command.parameters[1].get() != 0.0;
            if must_be_answered && !answers.contains(&command) {
                answers.push(command);
            }
            held.truncate(8);
            for answer in answers {
                let status = CommandStatus::accepted(answer.parameters[0].get());
                reply.write_from((&header(frame_id::COMMAND_STATUS, answer.counter.get()), &status));
            }
        }
        reply.send().await?;
        Ok(())
    }
}

fn header(frame_id: u32, counter: u32) -> Header {
    Header { frame_id: frame_id.into(), counter: counter.into(), tai_sec: 1.into(), tai_nsec: 2.into() }
}

/// A command that is dropped half-way, after any number of polls, and then another: in 100 000 seeded runs, half of
/// them here and half in the next test, each answer is that of its own command.
#[tokio::test]
async fn a_command_never_gets_anothers_status() {
    run(0x1234_5678, 0).await;
}

/// The same across the counter's wrap.
#[tokio::test]
async fn a_command_never_gets_anothers_status_across_the_wrap() {
    run(0x9abc_def1, u32::MAX - 50_000).await;
}

/// Half of the runs, over one connection.
async fn run(seed: u64, first_counter: u32) {
    let state = Mutex::new((Dice(seed.rotate_left(7)), Vec::new()));
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Unreliable { state })).await.unwrap();
    let builder = Axis::builder(server.host(), server.port()).first_counter(first_counter);
    let axis = timeout(STUCK, builder.connect()).await.unwrap().unwrap();
    let mut dice = Dice(seed);
    let (mut answered, mut id) = (0, 0.0);
    for run in 0..RUNS / 2 {
        id += 1.0;
        {
            let polls = dice.roll(4);
            let parameters = [id];
            let mut dropped = pin!(axis.run_command(4, &parameters));
            for _ in 0..polls {
                let polled = poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await;
                if let Poll::Ready(answer) = polled {
                    assert_eq!(answer.unwrap().duration, id, "run {run}");
                    answered += 1;
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        id += 1.0;
        assert_eq!(timeout(STUCK, axis.run_command(4, &[id, 1.0])).await.unwrap().unwrap().duration, id, "run {run}");
    }
    println!("{answered} of {} were answered before they were dropped", RUNS / 2);
}
