//! Tasks that belong to a session.

use tracing::Instrument;

use super::Connection;
use crate::{DisconnectReason, session::Session, sync::catch_panic};

tokio::task_local! {
    /// What the current task is to a session.
    static OWN: Own;
}

#[derive(Clone, Copy)]
struct Own {
    /// The number of the session to which the task belongs.
    session: u64,
    is_handler: bool,
}

impl Connection {
    /// Runs a task that belongs to the session, such as a loop that sends telemetry: it ends with the session at the
    /// latest, and never reaches into the next.
    ///
    /// When the session ends, for whatever reason, the future is dropped where it waits. `close`, `wait_closed` and a
    /// server's next client wait for that, at most as long as `close_timeout`. If there is no session any more, it is
    /// dropped at once. A panic in it is logged and ends the session. A close that it calls itself returns without
    /// waiting for it.
    ///
    /// What the peer sent before it ended the session may still be unread when the future is dropped: a loop that reads
    /// is better a handler.
    ///
    /// # Panics
    ///
    /// If there never was a session, outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tcpip_core::Connection;
    ///
    /// /// Sends the position ten times a second, for as long as the client is there.
    /// fn start_telemetry(connection: &Connection) {
    ///     let link = connection.clone();
    ///     connection.spawn(async move {
    ///         let mut ticks = tokio::time::interval(Duration::from_millis(100));
    ///         while link.write_str("12.5").await.is_ok() {
    ///             ticks.tick().await;
    ///         }
    ///     });
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # start_telemetry(&Connection::closed());
    /// # }
    /// ```
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(self.clone());
        let task = self.own_task(async move {
            let connection = &counted.connection;
            let outcome = tokio::select! {
                biased;
                () = connection.wait_disconnected() => None,
                outcome = catch_panic(task) => Some(outcome),
            };
            if let Some(Err(panic)) = outcome {
                tracing::error!("a task of the session panicked: {panic}");
                connection
                    .revoke(DisconnectReason::HandlerFailed { cause: format!("a task panicked: {panic}").into() });
            }
        });
        let task = task.instrument(self.shared.span.clone());
        match &self.shared.runtime {
            Some(runtime) => runtime.spawn(task),
            None => tokio::spawn(task),
        };
    }

    /// Makes `future`, which is to be a task, one of the session's own, which does not wait for itself.
    fn own_task<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        OWN.scope(Own { session: self.shared.number, is_handler: false }, future)
    }

    /// Makes `future`, which is to be a task, the session's handler.
    pub(crate) fn handler_task<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        OWN.scope(Own { session: self.shared.number, is_handler: true }, future)
    }

    /// Whether the current task is one of the session's own.
    #[doc(hidden)]
    #[must_use]
    pub fn is_own_task(&self) -> bool {
        OWN.try_with(|own| own.session == self.shared.number).unwrap_or(false)
    }

    /// Whether the current task is the session's handler.
    pub(super) fn is_own_handler(&self) -> bool {
        OWN.try_with(|own| own.is_handler && own.session == self.shared.number).unwrap_or(false)
    }

    /// Waits until the session has no tasks.
    #[doc(hidden)]
    pub async fn tasks_ended(&self) {
        self.wait_for(|life| (life.tasks() == 0).then_some(())).await;
    }
}

/// One of the session's tasks, from its spawning until this is dropped.
struct Counted {
    connection: Connection,
}

impl Counted {
    fn new(connection: Connection) -> Self {
        connection.input(|session, _| session.task_begins());
        Self { connection }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.connection.input(Session::task_has_ended);
    }
}
