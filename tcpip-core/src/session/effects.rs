//! What is to be done once the session's lock is not held.

use std::task::Waker;

use super::{Tapped, Writer};
use crate::DisconnectReason;

/// What an input leaves to be done: waking, telling and letting go are others' code, and may take locks of their own
/// that are held while the session is polled.
#[derive(Debug, Default)]
#[must_use = "somebody waits for this"]
pub(crate) struct Effects {
    /// Those who wait for something of its life look again.
    pub(crate) has_changed: bool,
    /// The session's task has something to send, or to bring the session to rest.
    pub(crate) has_work: bool,
    /// Somebody has to look whether the peer has hung up.
    pub(crate) looks: bool,
    woken: Option<Waker>,
    /// In a box, so that what mostly happens costs nothing for it.
    rare: Option<Box<Rare>>,
}

/// What is seldom to be done.
#[derive(Debug, Default)]
struct Rare {
    /// Why the session has ended, just now.
    ended: Option<DisconnectReason>,
    also_woken: Vec<Waker>,
    /// Wakers that are not to be woken, but whose letting go may end a task.
    replaced: Vec<Waker>,
    /// Writers whose messages have been taken.
    taken: Vec<Writer>,
    /// Writers whose messages will not be.
    refused: Vec<Writer>,
    /// What those are told who listen in.
    tapped: Vec<Tapped>,
}

impl Effects {
    /// Whether there is nothing to be done.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        !self.has_changed && !self.has_work && !self.looks && self.woken.is_none() && self.rare.is_none()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The session has ended for that.
    pub(super) fn end(&mut self, reason: DisconnectReason) {
        self.has_work = true;
        self.rare().ended = Some(reason);
    }

    /// Why the session has ended, just now.
    pub(crate) fn take_end(&mut self) -> Option<DisconnectReason> {
        self.rare.as_mut()?.ended.take()
    }

    /// Somebody listens in, and is to be told.
    pub(super) fn tap(&mut self, tapped: Tapped) {
        self.rare().tapped.push(tapped);
    }

    /// What those are to be told who listen in.
    pub(crate) fn take_tapped(&mut self) -> Option<Vec<Tapped>> {
        let tapped = std::mem::take(&mut self.rare.as_mut()?.tapped);
        (!tapped.is_empty()).then_some(tapped)
    }

    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        if self.woken.is_none() {
            self.woken = waker;
        } else if waker.is_some() {
            self.rare().also_woken.extend(waker);
        }
    }

    pub(crate) fn let_go(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.rare().replaced.extend(waker);
        }
    }

    /// Puts the waker that is offered into `slot`, unless that has the same.
    pub(super) fn replace(&mut self, slot: &mut Option<Waker>, offered: &mut Option<Waker>) {
        let is_same = match (&*slot, &*offered) {
            (Some(there), Some(offered)) => there.will_wake(offered),
            (_, offered) => offered.is_none(),
        };
        if !is_same {
            self.let_go(std::mem::replace(slot, offered.take()));
        }
    }

    pub(super) fn tell_taken(&mut self, writer: Option<Writer>) {
        self.rare().taken.extend(writer);
    }

    pub(super) fn refuse(&mut self, writers: impl IntoIterator<Item = Writer>) {
        let mut writers = writers.into_iter().peekable();
        if writers.peek().is_some() {
            self.rare().refused.extend(writers);
        }
    }

    /// Does what others wait for. No lock of the session is held.
    #[inline]
    pub(crate) fn run(self) {
        if let Some(waker) = self.woken {
            waker.wake();
        }
        if let Some(rare) = self.rare {
            rare.run();
        }
    }
}

impl Rare {
    fn run(self) {
        self.also_woken.into_iter().for_each(Waker::wake);
        for writer in self.taken {
            // Nobody waits for a write that was dropped.
            let _ = writer.send(());
        }
    }
}
