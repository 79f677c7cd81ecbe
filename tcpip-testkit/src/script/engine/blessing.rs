//! What becomes of a step that does not fit where what comes is to be the script.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Engine, Output, ScriptFailure,
    look::Seen,
    matching::{Match, matches},
};
use crate::{
    script::{
        Script,
        edits::Edits,
        program::{Part, PartKind, Step},
        syntax::Action,
    },
    side::Side,
};

/// When nothing has come for so long, no more comes for the step.
const QUIET: Duration = Duration::from_millis(200);

/// How a script is blessed.
#[derive(Debug, Default)]
pub(super) struct Blessing {
    edits: Edits,
    /// What the first step that did not fit would have failed with.
    first: Option<ScriptFailure>,
    /// How much had come for the step that does not fit, and since when it is not more.
    quiet: Option<(usize, Instant)>,
}

/// What has become of a step that does not fit.
pub(super) enum Blessed {
    /// It fails.
    Not,
    /// More may come for it.
    Later(Output),
    /// What came is the step.
    Now,
}

/// What of a step does not fit.
struct Other {
    /// Its first item; `None` if the step has no items, and what came is a step before it.
    index: Option<usize>,
    /// Where what came for it begins, and where it ends if that is known.
    from: usize,
    end: Option<usize>,
}

impl Engine {
    /// What comes becomes the script.
    pub(crate) fn bless(&mut self) {
        self.blessing = Some(Blessing::default());
    }

    /// What has changed, and what would have been told without: nothing if all has fitted.
    pub(crate) fn take_blessed(&mut self) -> Option<(Script, Edits, ScriptFailure)> {
        let blessing = self.blessing.as_mut()?;
        let first = blessing.first.take()?;
        Some((self.script.clone(), std::mem::take(&mut blessing.edits), first))
    }

    /// Takes what came in place of what the step expects, as soon as it is known how much that is.
    pub(super) fn bless_step(&mut self, step: &Step, seen: &Seen, now: Instant) -> Blessed {
        let count = self.input(step.side).bytes.len();
        // Within a block, a step stands for several that come.
        if self.blessing.is_none() || self.frames.len() > 1 || count == 0 {
            return Blessed::Not;
        }
        let Some(Other { index, from, end }) = self.what_is_other(step, seen) else { return Blessed::Not };
        let end = match end {
            Some(end) => end,
            None => match self.quiet_until(step.side, now) {
                Some(until) => return Blessed::Later(self.wait(Some(until))),
                None => count,
            },
        };
        self.note_failure(step, seen);
        let came = &self.input(step.side).bytes[from..end];
        let lines = if came.is_empty() { Vec::new() } else { self.script.items_of(came) };
        let text = self.script.to_string();
        let Some(blessing) = &mut self.blessing else { return Blessed::Not };
        blessing.quiet = None;
        match (&step.action, index) {
            (Action::Items(parts), Some(index)) => {
                blessing.edits.replace_items(&text, &parts[index..], &lines);
                self.last = now;
                self.advance();
            }
            _ => blessing.edits.insert_step(&text, Some(step.place), step.side, &lines),
        }
        self.input_mut(step.side).take(end);
        Blessed::Now
    }

    /// What of the step does not fit, and where what came for it begins and ends.
    fn what_is_other(&mut self, step: &Step, seen: &Seen) -> Option<Other> {
        match (&step.action, seen) {
            (Action::Items(parts), Seen::Bytes(reached)) => {
                let index = parts.iter().position(|part| part.place.end >= reached.item.end)?;
                let from = self.matched(&parts[..index], step.side)?;
                let end = self.up_to_last_literal(&parts[index..], from.max(reached.item_at), step.side);
                Some(Other { index: Some(index), from, end })
            }
            (Action::Fin | Action::Close | Action::Reset, Seen::NoEnd) => {
                Some(Other { index: None, from: 0, end: None })
            }
            _ => None,
        }
    }

    /// What is left over becomes a step: before this one, or at the end. Returns whether it does.
    pub(super) fn bless_left_over(&mut self, before: Option<&Step>, side: Side, failure: &ScriptFailure) -> bool {
        if self.blessing.is_none() || self.frames.len() > 1 {
            return false;
        }
        let came = std::mem::take(&mut self.input_mut(side).bytes);
        let (text, lines) = (self.script.to_string(), self.script.items_of(&came));
        let Some(blessing) = &mut self.blessing else { return false };
        blessing.first.get_or_insert_with(|| failure.clone());
        blessing.edits.insert_step(&text, before.map(|step| step.place), side, &lines);
        true
    }

    /// How much these items take, and what they capture.
    fn matched(&mut self, parts: &[Part], side: Side) -> Option<usize> {
        match matches(parts, &self.input(side).bytes, &self.captures) {
            Match::Fits { length, captured } => {
                self.captures.extend(captured);
                Some(length)
            }
            _ => None,
        }
    }

    /// Where the last literal of these items ends in what came, from this byte on.
    fn up_to_last_literal(&self, parts: &[Part], from: usize, side: Side) -> Option<usize> {
        let literal = self.last_literal(parts)?;
        let behind = self.input(side).bytes.get(from..)?;
        Some(from + memchr::memmem::find(behind, &literal)? + literal.len())
    }

    /// The last literal of these items. A text is one, however many lines it is written on.
    fn last_literal(&self, parts: &[Part]) -> Option<Vec<u8>> {
        let literal = |part: &Part| match &part.kind {
            PartKind::Literal(literal) => literal.clone(),
            _ => Vec::new(),
        };
        let is_text = |part: &Part| self.script.text_of(part.place).starts_with(['"', '\'']);
        let last = parts.iter().rposition(|part| !literal(part).is_empty())?;
        let texts = parts[..=last].iter().rev().take_while(|part| is_text(part)).count();
        Some(parts[last + 1 - texts.max(1)..=last].iter().flat_map(literal).collect())
    }

    /// Until when more may come; `None` if no more does.
    fn quiet_until(&mut self, side: Side, now: Instant) -> Option<Instant> {
        let (count, has_ended) = (self.input(side).bytes.len(), self.input(side).end.is_some());
        let blessing = self.blessing.as_mut()?;
        if blessing.quiet.is_none_or(|(known, _)| known != count) {
            blessing.quiet = Some((count, now));
        }
        let until = blessing.quiet.map(|(_, since)| since + QUIET)?;
        (!has_ended && now < until).then_some(until)
    }

    /// Keeps what would have been told without blessing.
    fn note_failure(&mut self, step: &Step, seen: &Seen) {
        if self.blessing.as_ref().is_some_and(|blessing| blessing.first.is_none()) {
            let failure = self.failure_of(step, super::FailureReason::Mismatch, seen);
            if let Some(blessing) = &mut self.blessing {
                blessing.first = Some(failure);
            }
        }
    }
}
