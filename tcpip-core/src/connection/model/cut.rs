//! The same stream in one piece and in many.

use std::{collections::VecDeque, sync::Arc};

use super::{
    kind::{Kind, Lent, Plain},
    reference::{Outcome, Reference, Rules},
    script::{Script, one_of},
    world::{TERMINATORS, options},
};
use crate::{
    FrameBuffer,
    session::{Effects, Session, Step, Take, Way},
};

/// Reads the same stream in one piece, byte by byte and cut anywhere, from a socket and from another stream, with
/// users' code and without: it comes to the same.
///
/// # Panics
///
/// If it does not, or to what it ought not to come to.
pub fn compare_cut(input: &[u8]) {
    let mut script = Script::new(input);
    let rules = Rules {
        limit: one_of(&[0, 1, 7, 20, 100, 10_000], script.or_zero()),
        terminator: one_of(&TERMINATORS, script.or_zero()),
        heartbeats_are_noted: script.or_zero() & 1 != 0,
    };
    let kinds: Vec<Kind> = (0..=script.or_zero() % 4).map(|_| kind(script.or_zero())).collect();
    let lengths = [script.or_zero(), script.or_zero(), script.or_zero()].map(|length| 1 + usize::from(length % 32));
    let stream = script.rest();
    let expected = by_reference(rules, &kinds, stream);
    for pieces in [vec![usize::MAX], vec![1], lengths.to_vec()] {
        for (way, is_lent) in [(Way::Direct, false), (Way::Direct, true), (Way::Queue, false), (Way::Queue, true)] {
            let outcomes = Cut { rules, stream, pieces: &pieces, way, is_lent }.read(&kinds);
            assert_eq!(outcomes, expected, "{kinds:?} of pieces of {pieces:?}, {way:?}, {is_lent}");
        }
    }
}

/// A read whose result does not depend on what has come so far, and which takes something.
fn kind(decision: u8) -> Kind {
    match Kind::of(decision) {
        Kind::Available(count) => Kind::Exact(count + 1),
        Kind::Exact(0) => Kind::Exact(2),
        kind => kind,
    }
}

fn by_reference(rules: Rules, kinds: &[Kind], stream: &[u8]) -> Vec<Outcome> {
    let mut reference = Reference::default();
    reference.arrive(stream);
    let mut outcomes = Vec::new();
    for kind in kinds.iter().cycle() {
        let (place, outcome) = reference.look(*kind, rules);
        reference.go_to(place);
        let (outcome, is_last) = if let Some(outcome) = outcome {
            let is_last = outcome.loses_track();
            (outcome, is_last)
        } else {
            let (place, outcome, tells_end) = reference.look_at_end(*kind, None);
            reference.go_to(place);
            (outcome, tells_end)
        };
        outcomes.push(outcome);
        if is_last {
            break;
        }
    }
    outcomes
}

/// A stream in pieces.
struct Cut<'a> {
    rules: Rules,
    stream: &'a [u8],
    /// The lengths of its pieces, again and again.
    pieces: &'a [usize],
    way: Way,
    is_lent: bool,
}

impl Cut<'_> {
    /// What reads of `kinds`, one after the other, come to, until one tells that there is no more.
    fn read(&self, kinds: &[Kind]) -> Vec<Outcome> {
        let mut session = Session::new(Arc::new(options(self.rules)), self.way);
        let mut coming: VecDeque<&[u8]> = VecDeque::new();
        let (mut rest, mut lengths) = (self.stream, self.pieces.iter().cycle());
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(*lengths.next().expect("they never end")));
            coming.push_back(piece);
            rest = behind;
        }
        let mut outcomes = Vec::new();
        for kind in kinds.iter().cycle() {
            let (outcome, reports_end) = if self.is_lent || *kind == Kind::Frame {
                read_one(&mut session, &mut Lent(*kind), &mut coming)
            } else {
                read_one(&mut session, &mut Plain(*kind), &mut coming)
            };
            let is_last = reports_end || (outcome.loses_track() && *kind == Kind::Frame);
            outcomes.push(outcome);
            if is_last {
                break;
            }
        }
        outcomes
    }
}

/// One read, for which pieces come as it asks for them.
fn read_one<T: Take<Output = Vec<u8>>>(
    session: &mut Session,
    take: &mut T,
    coming: &mut VecDeque<&[u8]>,
) -> (Outcome, bool) {
    let mut effects = Effects::default();
    let ticket = session.queue_up();
    let mut step = session.step(ticket, take, &mut None, &mut effects);
    let taken = loop {
        step = match step {
            Step::Done(taken) => break taken,
            Step::Work(mut work) => {
                let taken = work.run(take);
                session.worked(work, taken, take, &mut None, &mut effects)
            }
            Step::Receive(mut receive) => {
                let piece = coming.pop_front().unwrap_or_default();
                let count = FrameBuffer::fill_slot(&mut receive.frames, receive.missing, |room| {
                    let (piece, later) = piece.split_at(piece.len().min(room.remaining_mut()));
                    room.put_slice(piece);
                    if !later.is_empty() {
                        coming.push_front(later);
                    }
                    piece.len()
                });
                let looks = session.received(receive.frames, Some(Ok(count)), &mut None, &mut effects);
                assert!(looks, "something has come");
                session.step(ticket, take, &mut None, &mut effects)
            }
            Step::Wait => {
                let room = session.room_ahead(&mut None, &mut effects).expect("the stream has not ended");
                assert!(room > 0, "a read waits that has no room");
                let piece = coming.pop_front().unwrap_or_default();
                let (piece, later) = piece.split_at(room.min(piece.len()));
                if !later.is_empty() {
                    coming.push_front(later);
                }
                session.read_ahead(Ok(piece.len()), piece, &mut effects);
                session.step(ticket, take, &mut None, &mut effects)
            }
        };
    };
    session.leave(ticket, &mut effects);
    effects.run();
    Outcome::of(taken)
}
