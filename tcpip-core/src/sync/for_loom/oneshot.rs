//! One value, from one to another.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::sync::Lock;

/// Why there is no value.
pub(crate) mod error {
    pub(crate) use tokio::sync::oneshot::error::TryRecvError;
}

/// The value's giver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecvError;

#[derive(Debug)]
struct State<T> {
    value: Option<T>,
    /// Nobody will give, or nobody will take.
    is_over: bool,
    waiting: Option<Waker>,
}

/// Who gives it.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Lock<State<T>>>);

/// Who takes it.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Lock<State<T>>>);

/// Makes both.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(Lock::new(State { value: None, is_over: false, waiting: None }));
    (Sender(Arc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    /// Gives it.
    pub(crate) fn send(self, value: T) -> Result<(), T> {
        let mut state = self.0.lock();
        if state.is_over {
            return Err(value);
        }
        state.value = Some(value);
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    /// Wakes who waits, with the value or without.
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_over = true;
            state.waiting.take()
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> Receiver<T> {
    /// Will not take it, unless it has been given.
    pub(crate) fn close(&mut self) {
        self.0.lock().is_over = true;
    }

    /// Takes it if it is there.
    pub(crate) fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        let mut state = self.0.lock();
        match state.value.take() {
            Some(value) => Ok(value),
            None if state.is_over => Err(error::TryRecvError::Closed),
            None => Err(error::TryRecvError::Empty),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match state.value.take() {
            Some(value) => Poll::Ready(Ok(value)),
            None if state.is_over => Poll::Ready(Err(RecvError)),
            None => {
                state.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
