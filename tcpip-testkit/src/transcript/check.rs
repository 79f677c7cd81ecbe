//! Comparing a transcript with a script.

use std::fmt;

use tokio::time::Instant;

use super::{
    Transcript,
    difference::difference,
    log::{Entry, Passed, Session},
    script,
};
use crate::script::{
    FailureReason, Script, ScriptError, ScriptFailure, ScriptFault,
    engine::{Engine, LONG_STEP, Output},
};

/// Why a transcript is not as a script has it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The script cannot be had.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// Something else has passed. Shown, it has the difference.
    #[error(transparent)]
    Differs(#[from] TranscriptDiffers),
}

/// Something else has passed than a script has.
///
/// Shown, it says what does not fit, and has both from there on, line by line: `-` what the script expects, `+` what
/// has passed. That is some 40 lines at most, 10 in a row of one of the two, and 200 characters of a line; what is left
/// out is said.
///
/// ```text
/// script:3:3: what came does not fit "ready" at byte 0 of the step of line 3
///   < "ready" LF
///     ^^^^^^^
/// came: "error" LF
///  > "?" CR LF
/// -< "ready" LF
/// +< "error" LF
///  > close
/// ```
#[derive(Clone)]
pub struct TranscriptDiffers {
    failure: ScriptFailure,
    diff: String,
}

impl TranscriptDiffers {
    /// Returns what does not fit.
    #[must_use]
    pub fn failure(&self) -> &ScriptFailure {
        &self.failure
    }
}

impl fmt::Display for TranscriptDiffers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n{}", self.failure, self.diff.trim_end())
    }
}

/// As its `Display`: a test that unwraps it shows the difference.
impl fmt::Debug for TranscriptDiffers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl std::error::Error for TranscriptDiffers {}

impl Transcript {
    /// Checks that what has passed is what `script` expects of both sides, holes, blocks and all: a text, or a
    /// [`Script`]. Its times and deadlines are not looked at, and how a side has ended only where the script says it.
    ///
    /// # Errors
    ///
    /// [`CheckError::Differs`] at the first thing that is missing, different or too much, [`CheckError::Script`] if
    /// the text is no script.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::Client;
    /// use tcpip_testkit::{Record, Transcript};
    /// use tokio::io::AsyncWriteExt;
    ///
    /// let (near, mut dome) = tokio::io::duplex(1024);
    /// let transcript = Transcript::new();
    /// let client = Client::from_stream(near).record(&transcript).connect().await?;
    /// dome.write_all(b"ACE Main Box\n>").await?;
    /// client.read_until(b">").await?;
    /// client.write(b"?\r\n").await?;
    ///
    /// transcript.check("< {..} \">\"\n> \"?\" CR LF\n")?;
    /// let error = transcript.check("< {..} \">\"\n> \"!\" CR LF\n").unwrap_err().to_string();
    /// assert!(error.ends_with("-> \"!\" CR LF\n+> \"?\" CR LF"), "{error}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn check<S>(&self, script: S) -> Result<(), CheckError>
    where
        S: TryInto<Script>,
        ScriptError: From<S::Error>,
    {
        let script: Script = script.try_into().map_err(ScriptError::from)?;
        let sessions = self.log().sessions();
        let found = mismatch(&script, &sessions).map_err(ScriptError::Invalid)?;
        let Some((failure, fitting)) = found else { return Ok(()) };
        let (expected, passed) = from_there_on(&script, &failure, &script::steps_and_entries(&sessions), fitting);
        let diff = difference(&expected, &passed);
        Err(TranscriptDiffers { failure, diff }.into())
    }
}

/// What does not fit, and how many entries of the sessions did before that.
fn mismatch(script: &Script, sessions: &[Session]) -> Result<Option<(ScriptFailure, usize)>, ScriptFault> {
    // Time stands still: what is looked at is what comes, and in which order.
    let now = Instant::now();
    let mut engine = Engine::new(script.clone(), None, now)?;
    let (mut entries, mut fitting, mut is_done) = (0, 0, false);
    // How many entries have been told since the engine looked at them, and how much was left then.
    let (mut told, mut left) = (0, 0);
    let mut is_connecting = matches!(poll(&mut engine, now), Output::Connect);
    for session in sessions {
        if std::mem::take(&mut is_connecting) {
            engine.connected(now);
        }
        for (index, entry) in session.entries.iter().enumerate() {
            tell(&mut engine, entry);
            told += 1;
            // A long step is looked at from its beginning: not each time that a little more of it has come.
            let is_little = (LONG_STEP..2 * left).contains(&engine.waiting(entry.by));
            if is_little && goes_on(entry, session.entries.get(index + 1)) {
                continue;
            }
            let output = poll(&mut engine, now);
            if let Output::Failed(failure) = output {
                return Ok(Some((failure, entries)));
            }
            left = engine.waiting(entry.by);
            entries += std::mem::take(&mut told);
            // What comes behind the last step is too much.
            if !is_done {
                fitting = entries;
            }
            is_done = matches!(output, Output::Done);
            is_connecting |= matches!(output, Output::Connect);
        }
        engine.end_repeats();
        match poll(&mut engine, now) {
            Output::Failed(failure) => return Ok(Some((failure, entries))),
            Output::Connect => is_connecting = true,
            output => is_done = matches!(output, Output::Done),
        }
    }
    Ok(engine.finish().map(|failure| (failure, fitting)))
}

/// Whether the next entry is more bytes of the same side.
fn goes_on(entry: &Entry, next: Option<&Entry>) -> bool {
    next.is_some_and(|next| next.by == entry.by && matches!(next.passed, Passed::Bytes(_)))
}

fn tell(engine: &mut Engine, entry: &Entry) {
    match &entry.passed {
        Passed::Open => {}
        Passed::Bytes(bytes) => engine.receive(entry.by, bytes),
        Passed::Fin | Passed::Close => engine.end(entry.by),
        Passed::Reset => engine.reset(entry.by),
    }
}

/// What is left to be done once all has been done that can be.
fn poll(engine: &mut Engine, now: Instant) -> Output {
    loop {
        match engine.poll(now) {
            // There is more of it.
            Output::Wait(Some(until)) if until <= now => {}
            output => return output,
        }
    }
}

/// What is expected from the first step on that does not fit, behind what fits; and all that has passed.
fn from_there_on(
    script: &Script,
    failure: &ScriptFailure,
    steps: &[(String, usize)],
    fitting: usize,
) -> (String, String) {
    let mut entries = 0;
    let fits = |(_, count): &&(String, usize)| {
        entries += count;
        entries <= fitting
    };
    let mut expected: String = steps.iter().take_while(fits).map(|(step, _)| &step[..]).collect();
    let passed: String = steps.iter().map(|(step, _)| &step[..]).collect();
    if !matches!(failure.reason(), FailureReason::LeftOver) {
        let line = failure.line() - script.lines_before();
        for line in script.without_times().lines().skip(line - 1).filter(|line| !line.is_empty()) {
            expected.push_str(line);
            expected.push('\n');
        }
    }
    (expected, passed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::side::Side;

    fn any_side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(Side::Client), Just(Side::Server)]
    }

    fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 1..60),
            "[ -~\r\n]{1,40}".prop_map(String::into_bytes),
            // Longer than a line.
            "[ -~é]{80,300}".prop_map(String::into_bytes),
            (any::<u8>(), 1..20_usize).prop_map(|(byte, count)| vec![byte; count]),
        ]
    }

    /// What passes in a session, each so many microseconds later, and who ends it, and how.
    type Passing = (Vec<(u64, Side, Vec<u8>)>, Option<(Side, Passed)>);

    fn any_session() -> impl Strategy<Value = Passing> {
        let end = prop_oneof![Just(Passed::Fin), Just(Passed::Close), Just(Passed::Reset)];
        (prop::collection::vec((0..3000_u64, any_side(), any_bytes()), 0..8), prop::option::of((any_side(), end)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        /// A transcript is a script, and as that script has it; with one byte more or another it is not.
        #[test]
        fn a_transcript_is_as_its_own_script_has_it(sessions in prop::collection::vec(any_session(), 1..4)) {
            let transcript = Transcript::new();
            let mut at = Instant::now();
            for (passed, end) in &sessions {
                let session = transcript.passing(Instant::now(), None, None);
                at = at.max(Instant::now());
                for (later, by, bytes) in passed {
                    at += Duration::from_micros(*later);
                    session.note(*by, at, Passed::Bytes(bytes.clone()));
                }
                if let Some((by, end)) = end {
                    session.note(*by, at, end.clone());
                }
            }
            let script = transcript.to_script();
            if let Err(error) = transcript.check(&script[..]) {
                prop_assert!(false, "{}\n{}", script, error);
            }
            transcript.passing(Instant::now(), None, None).note(Side::Server, at, Passed::Bytes(b"more".to_vec()));
            prop_assert!(transcript.check(&script[..]).is_err());
        }
    }
}
