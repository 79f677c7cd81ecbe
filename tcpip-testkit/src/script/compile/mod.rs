//! From lines to a program.

mod blocks;
mod parts;

use std::time::Duration;

use tcpip_core::Encoding;

pub(crate) use self::parts::unknown;
use super::{
    program::Block,
    syntax::{Line, Wrong},
};

/// How long a step has if nothing else is said.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);
/// How many bytes all the literals of a script may have together.
const MOST_BYTES: usize = 64 << 20;

/// What these lines mean.
pub(crate) fn compile(lines: &[Line]) -> Result<Block, Wrong> {
    let mut compiler = Compiler {
        lines,
        next: 0,
        depth: 0,
        encoding: Encoding::default(),
        deadline: DEFAULT_DEADLINE,
        literal_bytes: 0,
        every_names: Vec::new(),
    };
    compiler.script()
}

struct Compiler<'a> {
    lines: &'a [Line],
    next: usize,
    /// How many blocks there are around the line.
    depth: usize,
    encoding: Encoding,
    deadline: Duration,
    literal_bytes: usize,
    every_names: Vec<&'a str>,
}
