//! With what a program ends that does not come to its end.

use std::{error::Error, process::ExitCode};

use crate::{OutputError, with_causes};

/// What a shell calls a program that an interrupt has ended.
const INTERRUPTED: u8 = 130;

/// What a shell calls a program that has written to a pipe without a reader.
const NO_READER: u8 = 141;

/// Says what has failed, and gives the exit code: that of a failure. Says nothing if nobody reads the output any more.
#[must_use]
pub fn failed(program: &str, error: &(dyn Error + 'static)) -> ExitCode {
    if error.downcast_ref().is_some_and(OutputError::has_no_reader) {
        return ExitCode::from(NO_READER);
    }
    eprintln!("{program}: {}", with_causes(error));
    ExitCode::FAILURE
}

/// Says that a signal has come in the middle, and gives the exit code.
#[must_use]
pub fn interrupted(program: &str) -> ExitCode {
    eprintln!("{program}: interrupted");
    ExitCode::from(INTERRUPTED)
}
