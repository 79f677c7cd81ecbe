//! A transcript as a script.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use tokio::time::Instant;

use super::log::{Entry, Missing, Passed, Session};
use crate::{script::notation, side::Side};

/// Chunks of one direction that follow each other within this are one step.
const ONE_STEP: Duration = Duration::from_millis(1);

pub(super) fn write(sessions: &[Session], missing: Missing) -> String {
    let mut script = String::from("script 1\n");
    for line in missing.lines() {
        let _ = writeln!(script, "# {line}");
    }
    let mut last = sessions.first().map(|session| session.facts.began);
    for (index, session) in sessions.iter().enumerate() {
        if last.is_some_and(|last| session.facts.began < last) {
            script.push_str("# while what is above was going on\n");
            last = Some(session.facts.began);
        }
        for step in steps(index, session) {
            if step.goes_without_saying(index) {
                continue;
            }
            let pause = Pause(last.map_or(Duration::ZERO, |last| step.begin.saturating_duration_since(last)));
            let _ = writeln!(script, "{pause}{step}");
            last = Some(step.end);
        }
    }
    script
}

/// The steps, without their times, and of how many entries of the sessions each is.
pub(super) fn steps_and_entries(sessions: &[Session]) -> Vec<(String, usize)> {
    let steps = sessions.iter().enumerate().flat_map(|(index, session)| {
        steps(index, session).into_iter().map(move |step| {
            let text = if step.goes_without_saying(index) { String::new() } else { format!("{step}\n") };
            (text, step.entries)
        })
    });
    steps.collect()
}

struct Step {
    by: Side,
    begin: Instant,
    end: Instant,
    /// Of how many entries it is.
    entries: usize,
    action: Action,
}

impl Step {
    /// That the first session begins with connecting is no step of a script.
    fn goes_without_saying(&self, session: usize) -> bool {
        session == 0 && self.action == Action::Does("connect")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = self.by.sign();
        match &self.action {
            Action::Does(word) => write!(formatter, "{sign} {word}"),
            Action::Sends(bytes) => write!(formatter, "{sign} {}", notation::lines(bytes).join("\n  ")),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Action {
    Does(&'static str),
    Sends(Vec<u8>),
}

fn steps(index: usize, session: &Session) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    if index > 0 && session.entries.first().is_some_and(|entry| entry.passed != Passed::Open) {
        // That it was connected has been dropped, with what passed before.
        let began = session.facts.began;
        steps.push(Step { by: Side::Client, begin: began, end: began, entries: 0, action: Action::Does("connect") });
    }
    for Entry { by, at, passed } in &session.entries {
        let action = match passed {
            Passed::Open => Action::Does("connect"),
            Passed::Bytes(bytes) => {
                if let Some(Step { by: before, end, entries, action: Action::Sends(sent), .. }) = steps.last_mut()
                    && before == by
                    && at.saturating_duration_since(*end) < ONE_STEP
                {
                    sent.extend_from_slice(bytes);
                    *end = *at;
                    *entries += 1;
                    continue;
                }
                Action::Sends(bytes.clone())
            }
            Passed::Fin => Action::Does("fin"),
            Passed::Close => Action::Does("close"),
            Passed::Reset => Action::Does("reset"),
        };
        steps.push(Step { by: *by, begin: *at, end: *at, entries: 1, action });
    }
    steps
}

/// The time since the step before, to the microsecond, and where it is long to the millisecond; nothing if there is
/// none.
struct Pause(Duration);

impl fmt::Display for Pause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            0 => Ok(()),
            micros @ 1..1000 => write!(formatter, "+{micros}us "),
            micros @ 1000..1_000_000 => write!(formatter, "+{}ms ", Thousandths(micros)),
            micros => write!(formatter, "+{}s ", Thousandths(micros / 1000)),
        }
    }
}

/// A number of thousandths, as a decimal without zeros at its end.
struct Thousandths(u128);

impl fmt::Display for Thousandths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        formatter.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}
