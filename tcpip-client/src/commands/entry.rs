//! A command in flight, as its caller and the reader share it.

use std::{
    collections::VecDeque,
    error::Error,
    mem,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use tcpip_core::{DisconnectReason, Sent, endpoint::Lock};
use tokio::time::Instant;

use super::CommandOptions;
use crate::{
    Cause, RequestError,
    requests::{Front, later},
};

/// The most frames that are kept of a reply before its end.
pub(super) const KEPT_PHASES: usize = 64;

/// A command in flight: what has come of its reply, and what its caller has been told.
pub(super) struct Entry<F> {
    command: Front,
    pub(super) options: CommandOptions,
    state: Lock<State<F>>,
}

/// | `end` | `is_answered` | |
/// |---|---|---|
/// | `None` | no | the caller waits |
/// | `Done`, `Refused` | yes | the reply has come, whether the caller knows or not |
/// | `Over` | yes | the session has ended |
/// | `Late`, `Dropped` | no | nobody waits; in order, the place does |
/// | `Late`, `Dropped` | yes | and its reply has come all the same |
pub(super) struct State<F> {
    /// Those that the caller has not taken.
    phases: VecDeque<F>,
    /// A word of the reply has come.
    has_word: bool,
    /// The first word of the reply was no bad end.
    is_acknowledged: bool,
    end: Option<End<F>>,
    is_answered: bool,
    /// When the next word is late. `None` while the command is not sent.
    deadline: Option<Deadline>,
    /// That of who waits: the caller, and behind it who watches over the place.
    waker: Option<Waker>,
}

/// What the caller is told in the end.
enum End<F> {
    /// Taken out by the caller.
    Done(Option<F>),
    Refused(Arc<dyn Error + Send + Sync>),
    /// The deadline passed: that of the first word, or another.
    Late {
        after: Duration,
        is_first: bool,
    },
    Over(Option<DisconnectReason>),
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    after: Duration,
    /// Not a word has come.
    pub(super) is_first: bool,
}

impl Deadline {
    fn of(after: Duration, is_first: bool) -> Self {
        Self { at: later(Instant::now(), after), after, is_first }
    }
}

impl<F> Entry<F> {
    pub(super) fn new(command: &[u8], options: CommandOptions) -> Self {
        let state = State {
            phases: VecDeque::new(),
            has_word: false,
            is_acknowledged: false,
            end: None,
            is_answered: false,
            deadline: None,
            waker: None,
        };
        Self { command: Front::of(command), options, state: Lock::new(state) }
    }

    /// The command is on its way, or may be.
    pub(super) fn is_sent(&self) {
        let deadline = self.first_deadline();
        self.state.lock().deadline.get_or_insert(deadline);
    }

    /// That of the first word, from now.
    pub(super) fn first_deadline(&self) -> Deadline {
        Deadline::of(self.options.reply_timeout, true)
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.state.lock().deadline
    }

    /// Takes a word of the reply that is not the last. Gives it back if nobody waits for it.
    pub(super) fn interim(&self, frame: F, within: Option<Duration>) -> Result<(), F> {
        let next = Deadline::of(within.unwrap_or(self.options.end_timeout), false);
        self.change(|state| {
            (state.has_word, state.is_acknowledged) = (true, true);
            state.deadline = match state.deadline {
                Some(named) if within.is_none() && !named.is_first && named.at > next.at => Some(named),
                _ => Some(next),
            };
            if state.end.is_some() {
                return (Err(frame), None);
            }
            let oldest = if state.phases.len() < KEPT_PHASES { None } else { state.phases.pop_front() };
            state.phases.push_back(frame);
            (Ok(()), oldest)
        })
    }

    /// Takes the last word of the reply. Gives it back if nobody waits for it.
    pub(super) fn done(&self, frame: F) -> Result<(), F> {
        self.answered(frame, |frame| (End::Done(Some(frame)), None))
    }

    /// Takes the last word of the reply, which is no good one. Gives it back if nobody waits for it.
    pub(super) fn refused(&self, frame: F, reason: Box<dyn Error + Send + Sync>) -> Result<(), F> {
        self.answered(frame, |frame| (End::Refused(reason.into()), Some(frame)))
    }

    fn answered(&self, frame: F, end: impl FnOnce(F) -> (End<F>, Option<F>)) -> Result<(), F> {
        self.change(|state| {
            state.has_word = true;
            state.is_answered = true;
            if state.end.is_some() {
                return (Err(frame), None);
            }
            let (end, dropped) = end(frame);
            state.is_acknowledged |= matches!(end, End::Done(_));
            state.end = Some(end);
            (Ok(()), dropped)
        })
    }

    /// The session has ended, and the reply will not come.
    pub(super) fn over(&self, reason: Option<DisconnectReason>) {
        self.change(|state| {
            state.is_answered = true;
            state.end.get_or_insert(End::Over(reason));
            ((), None)
        });
    }

    /// The deadline has passed. Whether the caller is told so: not if something has come since it was looked at.
    pub(super) fn late(&self, looked_at: Deadline) -> bool {
        let mut state = self.state.lock();
        let is_late = state.end.is_none() && state.deadline.is_some_and(|now| now == looked_at);
        if is_late {
            state.end = Some(End::Late { after: looked_at.after, is_first: looked_at.is_first });
        }
        is_late
    }

    /// The caller is gone. Whether it had not been told the end.
    pub(super) fn dropped(&self) -> bool {
        // What is dropped may be anything, and is not under the lock.
        let (_phases, _waker);
        let mut state = self.state.lock();
        _phases = mem::take(&mut state.phases);
        _waker = state.waker.take();
        let was_waiting = state.end.is_none();
        state.end.get_or_insert(End::Dropped);
        was_waiting
    }

    /// Changes the state, and wakes who waits for that.
    fn change<T>(&self, change: impl FnOnce(&mut State<F>) -> (T, Option<F>)) -> T {
        let mut state = self.state.lock();
        let (outcome, dropped) = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        drop(dropped);
        if let Some(waker) = waker {
            waker.wake();
        }
        outcome
    }

    /// What `look` finds; else the task is woken when there is something else to find.
    pub(super) fn look<T>(&self, context: &Context<'_>, look: impl FnOnce(&mut State<F>) -> Option<T>) -> Option<T> {
        // No waker is cloned or dropped under the lock, either.
        let waker = context.waker().clone();
        let _last;
        let mut state = self.state.lock();
        let found = look(&mut state);
        if found.is_none() {
            _last = state.waker.replace(waker);
        }
        found
    }

    /// The end, for the caller.
    pub(super) fn outcome(&self, state: &mut State<F>) -> Option<Result<F, RequestError>> {
        let State { end, has_word, .. } = state;
        let sent = if *has_word { Sent::Yes } else { Sent::Maybe };
        let cause = match end.as_mut()? {
            End::Done(frame) => return Some(Ok(frame.take().expect("polled after its end"))),
            End::Refused(reason) => Cause::Refused { reason: Arc::clone(reason) },
            End::Late { after, is_first: true } => Cause::NoReply { after: *after },
            End::Late { after, is_first: false } => Cause::TooSlow { after: *after },
            End::Over(reason) => Cause::NotConnected { reason: reason.clone(), link: None },
            End::Dropped => unreachable!("its caller is gone"),
        };
        Some(Err(self.error(sent, cause)))
    }

    pub(super) fn error(&self, sent: Sent, cause: Cause) -> RequestError {
        RequestError::new(&self.command, Front::EMPTY, sent, cause)
    }
}

impl<F> State<F> {
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    pub(super) fn next_phase(&mut self) -> Option<F> {
        self.phases.pop_front()
    }
}
