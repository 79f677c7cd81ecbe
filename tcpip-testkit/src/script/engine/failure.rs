//! Why a script was not played to its end.

use std::{fmt, io, sync::Arc, time::Duration};

use crate::script::{ScriptFault, shown};

/// A script was not played to its end.
///
/// Shown, it names the line, what was expected and what came, in the notation of scripts, and has the transcript so
/// far:
///
/// ```text
/// dome.tcpip:5:3: what came does not fit "MAIN " at byte 2 of the step of line 5
///   < "MAIN " {word = "CLOSED"} LF
///     ^^^^^^^
/// came: "MAXN CLOSED" LF
/// so far:
/// script 1
/// > "?" CR LF
/// < "MAXN CLOSED" LF
/// ```
///
/// That is a few KiB at most: of what came, up to 512 bytes before the one that does not fit, and 64 from it on; of the
/// transcript the last 40 lines, if these are not more than 4 KiB; and of a line 200 characters. What is left out is
/// said. [`came`](Self::came) and [`transcript`](Self::transcript) have all of it.
#[derive(Clone, thiserror::Error)]
pub struct ScriptFailure(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    reason: FailureReason,
    step_line: usize,
    /// Where, and what is wrong.
    fault: ScriptFault,
    expected: String,
    /// The byte of the step at which that was expected.
    at: usize,
    /// What has come for the step, or nobody expected.
    came: Vec<u8>,
    transcript: String,
}

/// Why a script was not played to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FailureReason {
    /// What came does not fit the step, nor anything else that may come there.
    Mismatch,
    /// The stream has ended, or was reset, before the step had what it expects.
    Ended,
    /// The deadline of the step has passed.
    Timeout {
        /// How long the step had.
        after: Duration,
    },
    /// Bytes came that nobody expected.
    LeftOver,
    /// The peer was finished, or its time was over, before this step.
    NotReached,
    /// The step sends or expects what no hole has captured by this name.
    NotCaptured {
        /// The name.
        name: String,
    },
    /// The step cannot be sent: this side has ended its direction, or the connection is reset, or it is too long.
    CannotSend,
    /// The network failed.
    Io {
        /// The error.
        source: Arc<io::Error>,
    },
}

impl ScriptFailure {
    pub(super) fn new(reason: FailureReason, step_line: usize, fault: ScriptFault) -> Self {
        let (expected, came, transcript) = (String::new(), Vec::new(), String::new());
        Self(Box::new(Details { reason, step_line, fault, expected, at: 0, came, transcript }))
    }

    /// With the item that was expected, and the byte of the step that does not fit it.
    pub(super) fn expecting(mut self, item: &str, at: usize) -> Self {
        item.clone_into(&mut self.0.expected);
        self.0.at = at;
        self
    }

    /// With what came.
    pub(super) fn with_input(mut self, came: &[u8]) -> Self {
        self.0.came = came.to_vec();
        self
    }

    pub(crate) fn with_transcript(mut self, transcript: String) -> Self {
        self.0.transcript = transcript;
        self
    }

    /// Returns why.
    #[must_use]
    pub fn reason(&self) -> &FailureReason {
        &self.0.reason
    }

    /// Returns the line of the step, of the file or string.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.step_line
    }

    /// Returns the item that was expected, as the script has it; nothing if none was.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// Returns which byte of the step does not fit, or is missing: the first is 0.
    #[must_use]
    pub fn at(&self) -> usize {
        self.0.at
    }

    /// Returns what has come for the step, or was left over.
    #[must_use]
    pub fn came(&self) -> &[u8] {
        &self.0.came
    }

    /// Returns what has passed until then, as a script.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.0.transcript
    }
}

/// As it is shown: that is what a test that unwraps it prints.
impl fmt::Debug for ScriptFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Display for ScriptFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { fault, at, came, transcript, reason, .. } = &*self.0;
        write!(formatter, "{fault}")?;
        if let FailureReason::Io { source } = reason {
            write!(formatter, "\nthe network says: {source}")?;
        }
        write!(formatter, "\ncame: {}", shown::bytes(came, *at))?;
        if !transcript.is_empty() {
            write!(formatter, "\nso far:\n{}", shown::last_lines(transcript))?;
        }
        Ok(())
    }
}
