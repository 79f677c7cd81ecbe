//! Why a text is no script.

use std::{convert::Infallible, fmt, io, path::PathBuf};

use super::shown::{self, LONGEST_LINE};

/// How many characters of what is wrong are shown.
const LONGEST_MESSAGE: usize = 300;

/// A script cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The text is no script, or not one that can be played as asked for.
    #[error(transparent)]
    Invalid(#[from] ScriptFault),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has no script of this name.
    #[error("{} has no block fenced as `tcpip {name}`", path.display())]
    NoSuchScript {
        /// The file.
        path: PathBuf,
        /// The script's name.
        name: String,
    },
    /// The file has several scripts of this name, of which no one can be meant.
    #[error("{} has several blocks fenced as `tcpip {name}`", path.display())]
    SeveralScripts {
        /// The file.
        path: PathBuf,
        /// The scripts' name.
        name: String,
    },
}

/// A [`Script`](crate::Script) is one already.
impl From<Infallible> for ScriptError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What is wrong with a script, and where.
///
/// It is shown with the line in question; of one of more than 200 characters, with those around the place:
///
/// ```text
/// dome.tcpip:3:9: expected a control character's name (CR, LF, STX, …)
///   > "abc" CRLF
///           ^^^^
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ScriptFault {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    /// The line, and how many of its characters are wrong.
    pub(super) text: String,
    pub(super) width: usize,
}

impl ScriptFault {
    /// Returns the line, from 1 on: of the file, or of the string.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column in characters, from 1 on.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::error::Error for ScriptFault {}

/// As it is shown: that is what a test that unwraps it prints.
impl fmt::Debug for ScriptFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for ScriptFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, line, column, message, text, width } = self;
        let blanks = text.chars().take(column - 1).take_while(|character| character.is_whitespace());
        let (indent, blank_bytes) = blanks.fold((0, 0), |(count, bytes), blank| (count + 1, bytes + blank.len_utf8()));
        let (shown, at) = shown::around(&text[blank_bytes..], column - 1 - indent, LONGEST_LINE);
        let (message, _) = shown::around(message, 0, LONGEST_MESSAGE);
        // What is as wide as a tab is a tab.
        let pad = shown.chars().take(at).map(|character| if character == '\t' { '\t' } else { ' ' });
        let pad: String = pad.collect();
        let width = (*width).min(shown.chars().count().saturating_sub(at)).max(1);
        write!(formatter, "{name}:{line}:{column}: {message}\n  {shown}\n  {pad}{}", "^".repeat(width))
    }
}
