//! What reads ought to come to, in the simplest way: all that ever came, and a position in it.

use memchr::memmem;

use super::kind::{BAD_LENGTH, Kind};
use crate::{DisconnectReason, HEARTBEAT, ReadError, session::Taken};

/// What a read comes to, as it can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Data(Vec<u8>),
    TooLong,
    NotText(Vec<u8>),
    /// The codec does not know how to go on.
    BadFrame,
    EndOfStream,
    Incomplete(Vec<u8>),
    Disconnected(DisconnectReason),
}

impl Outcome {
    pub(super) fn of(taken: Taken<Vec<u8>>) -> (Self, bool) {
        let outcome = match taken.result {
            Ok(data) => Self::Data(data),
            Err(ReadError::FrameTooLong { .. }) => Self::TooLong,
            Err(ReadError::Decode { bytes, .. }) => Self::NotText(bytes),
            Err(ReadError::Io(_)) => Self::BadFrame,
            Err(ReadError::EndOfStream { .. }) => Self::EndOfStream,
            // As users' code leaves it.
            Err(ReadError::Incomplete { partial, .. }) if partial.is_empty() => Self::EndOfStream,
            Err(ReadError::Incomplete { partial, .. }) => Self::Incomplete(partial),
            Err(ReadError::Disconnected { reason }) => Self::Disconnected(reason),
            Err(error) => panic!("{error}"),
        };
        (outcome, taken.reports_end)
    }

    /// Whether nobody knows where the next frame begins.
    pub(super) fn loses_track(&self) -> bool {
        matches!(self, Self::BadFrame | Self::Disconnected(_))
    }
}

/// What is in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) limit: usize,
    pub(super) terminator: &'static [u8],
    pub(super) heartbeats_are_noted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Skip {
    #[default]
    Nothing,
    Through(&'static [u8]),
    All,
}

/// How far the reads have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    at: usize,
    skip: Skip,
}

/// All that ever came out of the source, and how far the reads have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    bytes: Vec<u8>,
    place: Place,
    /// How many bytes came that were not to be kept.
    dropped: usize,
}

impl Reference {
    pub(super) fn arrive(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes have come behind the end.
    pub(super) fn arrive_late(&mut self, count: usize) {
        self.dropped += count;
    }

    pub(super) fn received(&self) -> usize {
        self.bytes.len() + self.dropped
    }

    /// How many bytes there are to read.
    pub(super) fn unread(&self) -> usize {
        let mut place = self.place;
        if self.skips(&mut place) { 0 } else { self.rest(place).len() }
    }

    pub(super) fn go_to(&mut self, place: Place) {
        if place.at >= self.place.at {
            self.place = place;
        }
    }

    /// Nobody will read what is there.
    pub(super) fn discard(&mut self) {
        self.place = Place { at: self.bytes.len(), skip: Skip::Nothing };
    }

    /// What there is is dropped, but what is to be skipped still is.
    pub(super) fn discard_input(&mut self) -> usize {
        let mut place = self.place;
        if self.skips(&mut place) {
            return 0;
        }
        let count = self.rest(place).len();
        self.discard();
        count
    }

    /// Bytes have come, and are dropped unseen: nobody knows whether what was to be skipped has ended among them.
    pub(super) fn pass_over(&mut self, bytes: &[u8]) {
        self.arrive(bytes);
        if !bytes.is_empty() {
            self.discard();
        }
    }

    fn rest(&self, place: Place) -> &[u8] {
        &self.bytes[place.at..]
    }

    /// Whether the rest of a frame that was too long is still to come.
    fn skips(&self, place: &mut Place) -> bool {
        match place.skip {
            Skip::Nothing => false,
            Skip::All => true,
            Skip::Through(separator) => match memmem::find(self.rest(*place), separator) {
                Some(at) => {
                    *place = Place { at: place.at + at + separator.len(), skip: Skip::Nothing };
                    false
                }
                None => true,
            },
        }
    }

    /// What a read of `kind` comes to with what is there, if it comes to anything, and how far the reads are then.
    pub(super) fn look(&self, kind: Kind, rules: Rules) -> (Place, Option<Outcome>) {
        let mut place = self.place;
        if kind == Kind::Available(0) {
            return (place, Some(Outcome::Data(Vec::new())));
        }
        let outcome = match kind {
            Kind::Text => self.text(&mut place, rules),
            Kind::Until(separator) => self.until(&mut place, separator, separator == rules.terminator, rules),
            Kind::Line => self.until(&mut place, b"\n", false, rules),
            _ if self.skips(&mut place) => None,
            Kind::Exact(count) => (self.rest(place).len() >= count).then(|| self.take(&mut place, count)),
            Kind::Available(count) => match self.rest(place).len() {
                0 => None,
                there => Some(self.take(&mut place, count.min(there))),
            },
            Kind::ToEnd => (self.rest(place).len() > rules.limit).then(|| {
                place.skip = Skip::All;
                Outcome::TooLong
            }),
            Kind::Frame => self.frame(&mut place, rules.limit),
        };
        (place, outcome)
    }

    fn take(&self, place: &mut Place, count: usize) -> Outcome {
        let taken = self.rest(*place)[..count].to_vec();
        place.at += count;
        Outcome::Data(taken)
    }

    fn until(&self, place: &mut Place, separator: &'static [u8], notes: bool, rules: Rules) -> Option<Outcome> {
        let most = rules.limit.max(separator.len());
        loop {
            if self.skips(place) {
                return None;
            }
            let rest = self.rest(*place);
            match memmem::find(rest, separator).map(|at| at + separator.len()) {
                Some(end) if end > most => {
                    place.at += end;
                    return Some(Outcome::TooLong);
                }
                Some(end) => {
                    let is_heartbeat = rest[..end - separator.len()] == *HEARTBEAT.as_bytes();
                    let taken = self.take(place, end);
                    if !(notes && rules.heartbeats_are_noted && is_heartbeat) {
                        return Some(taken);
                    }
                }
                None if rest.len() >= most => {
                    place.skip = Skip::Through(separator);
                    return Some(Outcome::TooLong);
                }
                None => return None,
            }
        }
    }

    fn text(&self, place: &mut Place, rules: Rules) -> Option<Outcome> {
        let outcome = self.until(place, rules.terminator, true, rules)?;
        let Outcome::Data(mut frame) = outcome else { return Some(outcome) };
        frame.truncate(frame.len() - rules.terminator.len());
        let is_text = std::str::from_utf8(&frame).is_ok();
        Some(if is_text { Outcome::Data(frame) } else { Outcome::NotText(frame) })
    }

    fn frame(&self, place: &mut Place, limit: usize) -> Option<Outcome> {
        let rest = self.rest(*place);
        // Nothing at all is never too long.
        let too_long = Outcome::Disconnected(DisconnectReason::FrameTooLong { limit });
        match rest.first().map(|&first| (first, 1 + usize::from(first % 8))) {
            Some((BAD_LENGTH, _)) => Some(Outcome::BadFrame),
            Some((_, length)) if length <= rest.len() => {
                let taken = self.take(place, length);
                Some(if length > limit.max(1) { too_long } else { taken })
            }
            _ => (rest.len() >= limit.max(1)).then_some(too_long),
        }
    }

    /// What a read of `kind` comes to that finds nothing, when nothing more will come: with `reason`, or because the
    /// peer has said all. Whether that tells of the end.
    pub(super) fn look_at_end(&self, kind: Kind, reason: Option<&DisconnectReason>) -> (Place, Outcome, bool) {
        let mut place = self.place;
        let rest = if self.skips(&mut place) { &[] } else { self.rest(place) };
        if reason.is_none() && kind == Kind::Frame && !rest.is_empty() {
            if let Some(outcome @ Outcome::Data(_)) = self.frame(&mut place, usize::MAX) {
                return (place, outcome, false);
            }
            return (self.end(), Outcome::BadFrame, true);
        }
        let outcome = match reason {
            Some(reason) if rest.is_empty() => Outcome::Disconnected(reason.clone()),
            Some(_) => return (self.end(), Outcome::Incomplete(rest.to_vec()), false),
            None if matches!(kind, Kind::Line | Kind::Available(_) | Kind::ToEnd) => Outcome::Data(rest.to_vec()),
            None if rest.is_empty() => Outcome::EndOfStream,
            None => Outcome::Incomplete(rest.to_vec()),
        };
        (self.end(), outcome, true)
    }

    fn end(&self) -> Place {
        Place { at: self.bytes.len(), skip: Skip::Nothing }
    }
}
