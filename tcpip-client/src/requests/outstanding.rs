//! A request in flight, and what becomes of the session without its caller.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Poll, ready},
    time::Duration,
};

use tcpip_core::{DisconnectReason, ReadError, Sending, Sent, WriteError, endpoint::Trailing};
use tokio::time::Sleep;

use super::{
    error::{Cause, RequestError},
    front::Front,
    options::{self, RequestOptions},
    reply::{OutOfStep, Reply, Taken},
    shape::Shape,
    turn::Turn,
};

/// How much is dropped at once.
const CHUNK: usize = 64 * 1024;

/// A request whose reply has not wholly come. Dropped before, it leaves the session to what the policy says.
pub(super) struct Outstanding<'a, S: Shape> {
    /// `None` once the session is in step.
    waiting: Option<Waiting<S>>,
    options: &'a RequestOptions,
}

struct Waiting<S: Shape> {
    turn: Turn,
    reply: Reply<S>,
    sending: Option<Sending>,
    /// Nothing of the command is on its way, nor will be.
    is_unsent: bool,
}

impl<'a, S: Shape> Outstanding<'a, S> {
    pub(super) fn new(turn: Turn, reply: Reply<S>, sending: Option<Sending>, options: &'a RequestOptions) -> Self {
        let is_unsent = sending.is_some();
        Self { waiting: Some(Waiting { turn, reply, sending, is_unsent }), options }
    }

    fn waiting(&mut self) -> &mut Waiting<S> {
        self.waiting.as_mut().expect("it is in step only at its end")
    }

    /// Sends the command.
    pub(super) async fn send(&mut self) -> Result<(), WriteError> {
        let waiting = self.waiting();
        if let Some(sending) = &mut waiting.sending {
            // It may be queued, and go out later.
            waiting.is_unsent = false;
            let sent = sending.await;
            waiting.is_unsent = sent.as_ref().is_err_and(|error| error.sent() == Sent::No);
            sent?;
        }
        Ok(())
    }

    /// Waits for the reply.
    pub(super) async fn receive(&mut self) -> Result<Taken<S::Output>, Cause> {
        let options = self.options;
        self.waiting().reply(Some(options), options.longest()).await
    }

    /// How far the request has gone.
    fn sent(&self) -> Sent {
        match &self.waiting {
            Some(waiting) if waiting.reply.has_come() => Sent::Yes,
            Some(waiting) if waiting.is_unsent => Sent::No,
            _ => Sent::Maybe,
        }
    }

    /// Why there is no reply.
    pub(super) fn failed(&self, cause: Cause) -> RequestError {
        let (command, received) = match &self.waiting {
            Some(Waiting { reply, sending, .. }) => (sending.as_ref().map(Sending::front), reply.front()),
            None => (None, Front::EMPTY),
        };
        let error = RequestError::new(&Front::of(command.unwrap_or_default()), received, self.sent(), cause);
        if self.options.is_secret { error.hidden() } else { error }
    }

    /// What has been received is the outcome of the request.
    pub(super) fn outcome(&mut self, received: Result<Taken<S::Output>, Cause>) -> Result<S::Output, RequestError> {
        match received {
            Ok(Ok(output)) => {
                if let Some(Waiting { turn, reply, .. }) = &self.waiting
                    && reply.has_come()
                {
                    turn.connection().requests().note_reply();
                }
                self.conclude();
                Ok(output)
            }
            Ok(Err(error)) => {
                let error = self.failed(Cause::Value(error));
                self.conclude();
                Err(error)
            }
            Err(cause) => Err(self.failed(cause)),
        }
    }

    /// The reply has come, whatever it is. Where there is none to come, the device has said nothing.
    fn conclude(&mut self) {
        let Some(Waiting { turn, reply, .. }) = self.waiting.take() else { return };
        let requests = turn.connection().requests();
        requests.set_trailing(reply.trailing());
        if reply.has_come() {
            requests.clear_failures();
        }
    }
}

impl<S: Shape> Drop for Outstanding<'_, S> {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take().filter(|waiting| !waiting.is_unsent) else { return };
        let connection = waiting.turn.connection().clone();
        let failures = connection.requests().note_failure();
        if !connection.is_connected() {
            return;
        }
        match self.options.out_of_step {
            _ if failures >= self.options.most_failures => connection.end(DisconnectReason::OutOfStep),
            options::OutOfStep::Close => connection.end(DisconnectReason::OutOfStep),
            options::OutOfStep::Abandon { at_most } => {
                connection.spawn(waiting.take_the_rest(at_most));
            }
            options::OutOfStep::Drain { quiet, at_most } => connection.spawn(waiting.drop_what_comes(quiet, at_most)),
        }
    }
}

impl<S: Shape> Waiting<S> {
    /// Waits for the reply, within the deadlines of `options` if there are any, and `longest` at most: meanwhile the
    /// session is not idle.
    async fn reply(&mut self, options: Option<&RequestOptions>, longest: Duration) -> Result<Taken<S::Output>, Cause> {
        let Self { turn, reply, .. } = self;
        let mut reading = turn.read_reply(longest);
        let mut timer = pin!(None::<Sleep>);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(read) = reading.poll(context, reply) {
                    return Poll::Ready(match read {
                        Ok(Ok(taken)) => Ok(taken),
                        Ok(Err(OutOfStep(error))) => Err(Cause::OutOfStep(error)),
                        Err(error) => Err(Cause::Read(error)),
                    });
                }
                let deadline = reply.deadline(options).filter(|_| !reply.is_quiet());
                let Some(deadline) = deadline else { return Poll::Pending };
                match timer.as_mut().as_pin_mut() {
                    None => timer.set(Some(reading.timer(deadline))),
                    // One that is too early is set again when it fires.
                    Some(timer) if timer.deadline() > deadline || timer.is_elapsed() => timer.reset(deadline),
                    Some(_) => {}
                }
                if let Some(timer) = timer.as_mut().as_pin_mut() {
                    ready!(timer.poll(context));
                }
                if let Some(late) = reply.is_due(options) {
                    return Poll::Ready(Err(late));
                }
            }
        })
        .await
    }

    /// Takes the rest of the reply, and drops it.
    async fn take_the_rest(mut self, at_most: Duration) {
        let connection = self.turn.connection().clone();
        if connection.within(at_most, self.reply(None, at_most)).await.is_ok_and(|reply| reply.is_ok()) {
            connection.requests().set_trailing(self.reply.trailing());
        } else {
            connection.end(DisconnectReason::OutOfStep);
        }
    }

    /// Drops what comes, until nothing comes.
    async fn drop_what_comes(mut self, quiet: Duration, at_most: Duration) {
        let connection = self.turn.connection().clone();
        let dropping = async {
            loop {
                match connection.within(quiet, self.turn.read(CHUNK)).await {
                    Ok(Ok(chunk)) if chunk.is_empty() => return false,
                    Ok(Ok(_) | Err(ReadError::Timeout { .. })) => {}
                    Ok(Err(_)) => return false,
                    Err(_) => return true,
                }
            }
        };
        connection.requests().set_trailing(Trailing::Nothing);
        if !connection.within(at_most, dropping).await.unwrap_or(false) {
            connection.end(DisconnectReason::OutOfStep);
        }
    }
}
