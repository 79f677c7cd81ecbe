//! Many commands at once, drawn from seeds. The clock is paused.

use std::{sync::Arc, time::Duration};

use tcpip_client::Cause;
use tokio::{task::JoinSet, time::timeout};
use two_port::Command;
use two_port_mock::MockMirror;

use crate::setup::Setup;

const SEEDS: u32 = 20;
const COMMANDS: u32 = 200;
const ACTUATORS: u32 = 150;

/// Numbers that are the same each time.
struct Random(u32);

impl Random {
    fn below(&mut self, below: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % below
    }
}

/// What has become of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Done,
    Refused,
    Abandoned,
}

/// 200 commands at once: each that is done is where it was sent to, each that is refused is so for a reason of its own,
/// and nothing of those that are abandoned is another's.
#[test_log::test(tokio::test(start_paused = true))]
async fn each_of_200_commands_has_its_own_end() {
    let (mut ends, mut late) = (Vec::new(), 0);
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let setup = Setup::in_memory(MockMirror::new().actuators(ACTUATORS as usize).speed(10.0)).await;
        let mirror = Arc::new(setup.mirror);
        let mut running = JoinSet::new();
        for number in 0..COMMANDS {
            // No two go to the same place, and some go too far.
            let position = f64::from(number) / 19.0 - f64::from(random.below(2) * 10);
            let actuator = random.below(ACTUATORS + 5) as usize;
            let patience = if random.below(4) == 0 { random.below(1000) } else { 1_000_000 };
            running.spawn(run(Arc::clone(&mirror), actuator, position, Duration::from_millis(patience.into())));
        }
        ends.extend(running.join_all().await);
        let commands = mirror.commands.handler();
        assert_eq!(commands.under_way(), 0);
        // What is abandoned ends when its actuator stops, and before this does.
        for actuator in 0..ACTUATORS as usize {
            mirror.run(&Command::Stop { actuator }).await.unwrap();
        }
        late += commands.late_replies();
    }
    let [done, refused, abandoned] =
        [End::Done, End::Refused, End::Abandoned].map(|end| ends.iter().filter(|other| **other == end).count());
    assert!(done > 1000 && refused > 500 && abandoned > 100, "{done} done, {refused} refused, {abandoned} abandoned");
    assert!(late >= abandoned as u64, "{late} late, {abandoned} abandoned");
}

/// Moves an actuator, unless that takes too long, and looks at what comes of it.
async fn run(mirror: Arc<two_port::Mirror>, actuator: usize, position: f64, patience: Duration) -> End {
    match timeout(patience, mirror.run(&Command::Move { actuator, position })).await {
        Ok(Ok(at)) => {
            assert_eq!(at, position);
            End::Done
        }
        Ok(Err(error)) => {
            let Cause::Refused { reason } = error.cause() else { panic!("{error:?}") };
            let own = [
                format!("{position} is beyond its reach"),
                format!("there is no actuator {actuator}"),
                "it moves already".to_owned(),
            ];
            assert!(own.contains(&reason.to_string()), "{actuator} to {position}: {reason}");
            End::Refused
        }
        Err(_) => End::Abandoned,
    }
}
