//! What a controller does when it is told to.

use std::collections::BTreeMap;

use moog_protocol::{COMMANDER, Command, ControllerState, Parameters, STATIONARY, code};

use zerocopy::little_endian::F64;

use crate::{Device, Machine};

/// What became of a command: the reason if it was refused.
pub type Outcome = Result<Accepted, String>;

/// A command that was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accepted {
    /// How long it will take, in seconds.
    pub duration: f64,
    /// Whether it has changed the configuration, which is then sent before the status.
    pub changes_config: bool,
}

type Run<D> = fn(&mut Machine<D>, &Parameters) -> Outcome;

/// The commands of a controller by their codes: those that all controllers have, and those of the device.
#[derive(Debug)]
pub struct CommandTable<D> {
    commands: BTreeMap<u32, Run<D>>,
}

impl<D: Device> CommandTable<D> {
    /// The commands that all controllers have.
    pub(crate) fn new() -> Self {
        Self { commands: BTreeMap::new() }
            .with(code::SET_STATE, set_state)
            .with(code::ENABLE_DRIVES, enable_drives)
            .with(code::SET_ENABLED_SUBSTATE, set_enabled_substate)
    }

    /// Adds a command, or replaces the one with this code.
    #[must_use]
    pub fn with(mut self, code: u32, run: Run<D>) -> Self {
        self.commands.insert(code, run);
        self
    }

    pub(crate) fn run(&self, machine: &mut Machine<D>, command: &Command) -> Outcome {
        let (commander, code) = (command.commander.get(), command.code.get());
        if commander != COMMANDER {
            return Err(format!("Commander {commander} is not {COMMANDER}."));
        }
        let run = self.commands.get(&code).ok_or_else(|| format!("Unknown command {code}."))?;
        run(machine, &command.parameters.map(F64::get))
    }
}

fn set_state<D>(machine: &mut Machine<D>, &[wanted, ..]: &Parameters) -> Outcome {
    use ControllerState::{Enabled, Fault, Standby};
    let status = &mut machine.status;
    let (from, to): (&[_], _) = match wanted {
        code::set_state::ENABLE => (&[Standby], Enabled),
        code::set_state::STANDBY => (&[Enabled], Standby),
        code::set_state::CLEAR_ERROR => (&[Fault, Standby], Standby),
        _ => return Err(format!("Unknown state command {wanted:?}.")),
    };
    if !from.contains(&status.state) {
        return Err(format!("State command {wanted:?} not allowed in {:?}.", status.state));
    }
    status.state = to;
    if to == Enabled {
        status.enabled_substate = STATIONARY;
    }
    Ok(Accepted::default())
}

fn enable_drives<D>(machine: &mut Machine<D>, &[on, ..]: &Parameters) -> Outcome {
    machine.status.drives_enabled = match on {
        0.0 => false,
        1.0 => true,
        _ => return Err(format!("Drives can be 0.0 or 1.0, not {on:?}.")),
    };
    Ok(Accepted { changes_config: true, ..Accepted::default() })
}

fn set_enabled_substate<D>(machine: &mut Machine<D>, &[substate, ..]: &Parameters) -> Outcome {
    machine.check_enabled()?;
    machine.status.enabled_substate = substate;
    Ok(Accepted::default())
}
