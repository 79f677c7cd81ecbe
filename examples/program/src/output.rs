//! What a program says on its standard output.

use std::{
    error::Error,
    fmt::{self, Display},
    io::{self, Write},
};

/// The standard output takes no more: whoever read it is gone, or there is no room.
#[derive(Debug)]
pub struct OutputError(io::Error);

impl OutputError {
    /// Whether nobody reads any more, as behind `| head`: a reason to end, and nothing to complain of.
    #[must_use]
    pub fn has_no_reader(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl Display for OutputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cannot write to the standard output")
    }
}

impl Error for OutputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Prints a line at once. Unlike `println!` it does not panic.
///
/// # Errors
///
/// When the standard output does not take it.
pub fn print_line(line: impl Display) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
