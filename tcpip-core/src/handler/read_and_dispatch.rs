//! What a read loop does with what it reads: the part that a mock, or a controller, writes.

use std::{any::Any, error::Error, fmt, sync::Arc};

use crate::Connection;

/// The most causes of an error that are looked at: one may be its own cause.
const MOST_CAUSES: usize = 16;

/// What a handler's methods return. `?` works in them on any error that is `Send` and `Sync`, as
/// `Box<dyn Error + Send + Sync>` is and `Box<dyn Error>` is not.
pub type HandlerResult = Result<(), HandlerError>;

/// Why a handler gave up: any error at all. It is logged, and ends the session.
///
/// It is itself no [`Error`], so that `?` makes one of everything else.
pub struct HandlerError(Box<dyn Error + Send + Sync>);

impl HandlerError {
    /// The error.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }

    /// The error as the type that it was made of, if that is `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error, then its cause, and so on. Each is asked for its cause only after it has been looked at.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let mut last: Option<&(dyn Error + 'static)> = None;
        let next = move || {
            last = match last {
                None => Some(&*self.0),
                Some(error) => error.source(),
            };
            last
        };
        std::iter::from_fn(next).fuse().take(MOST_CAUSES)
    }
}

impl<E: IntoHandlerError> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for HandlerError {
    /// The error with its causes.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, cause) in self.causes().enumerate() {
            let separator = if depth == 0 { "" } else { ": " };
            write!(formatter, "{separator}{cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// What `?` makes a [`HandlerError`] of: any error that is `Send` and `Sync`, and a text.
///
/// There is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler may fail with",
    label = "not `Send` and `Sync`, or no error: write `Box<dyn Error + Send + Sync>` for `Box<dyn Error>`"
)]
pub trait IntoHandlerError: Into<Box<dyn Error + Send + Sync>> {}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> IntoHandlerError for E {}

/// What a read loop does with the peer that is connected: that of a `OneClientReadLoopServer` with one client after
/// another, that of a `ReadLoopClient` with its server.
///
/// Where a loop over messages does not fit, a handler takes the whole session by [`Serve`](crate::Serve) instead.
///
/// For each session the loop calls [`on_connect`](Self::on_connect) once, then
/// [`read_and_dispatch`](Self::read_and_dispatch) again and again, then [`on_disconnect`](Self::on_disconnect). Write
/// plain `async fn`s:
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use tcpip_core::{Connection, HandlerResult, ReadAndDispatch};
///
/// #[derive(Default)]
/// struct Counter {
///     commands: AtomicU32,
/// }
///
/// impl ReadAndDispatch for Counter {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         match connection.read_str().await {
///             Ok(command) => {
///                 let count = self.commands.fetch_add(1, Ordering::Relaxed) + 1;
///                 connection.write_str(&format!("{count}: {command}")).await?;
///             }
///             Err(error) if error.ends_session() => return Err(error.into()),
///             Err(error) => tracing::warn!("passed over: {error}"),
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// The methods take `&self` and not `&mut self`, since tests look at the handler (`server.handler()`) while it works:
/// keep what changes in an atomic or a `Mutex`. Any error will do that is `Send` and `Sync`, and so will a text:
/// `return Err("no such command".into())`. A boxed error is a `Box<dyn Error + Send + Sync>`, since `Box<dyn Error>` is
/// neither.
///
/// # Bad messages
///
/// An error that a method returns ends the session, and what had come behind the bad message is lost with it. So pass
/// on by `?` only what shall end it. A read whose error does not [`ends_session`](crate::ReadError::ends_session) has
/// taken the bad message out, or none, and the next one is there for the next read: log it and return `Ok(())`, as
/// above. The same holds for a value that makes no sense:
///
/// ```
/// # use tcpip_core::{Connection, HandlerResult, Latest, ReadAndDispatch};
/// # struct Axis { goal: Latest<f64> }
/// impl ReadAndDispatch for Axis {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         match connection.read_str().await {
///             Ok(line) => match line.parse() {
///                 Ok(goal) => self.goal.set(goal),
///                 Err(error) => tracing::warn!("passed over {line:?}: {error}"),      // `12,6`
///             },
///             Err(error) if error.ends_session() => return Err(error.into()),
///             Err(error) => tracing::warn!("passed over: {error}"),
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// Read from the `connection` that the methods are given. The server or client itself has no reads, and generic code
/// that reads from it is told why ([`HandlerReads`](crate::ReadError::HandlerReads)): it would take the handler's
/// messages. Its `stop_reading` ends the loop and leaves the session to whoever reads then.
///
/// # A device that only sends
///
/// A handler learns of its peer's hang-up from a read, so that it may answer all that was sent before; until then it
/// is not disturbed. One that sends telemetry all the time reads as well, with the period as the deadline:
///
/// ```
/// # use std::time::Duration;
/// # use tcpip_core::{Connection, HandlerResult, ReadAndDispatch};
/// # struct Telemetry;
/// impl ReadAndDispatch for Telemetry {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         match tokio::time::timeout(Duration::from_millis(100), connection.read_str()).await {
///             Err(_) => connection.write_str("12.5").await?,
///             Ok(Ok(command)) => println!("ignored: {command}"),
///             Ok(Err(error)) if error.ends_session() => return Err(error.into()),
///             Ok(Err(error)) => tracing::warn!("passed over: {error}"),
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// Or it leaves that to a task of the session: [`spawn`](Connection::spawn) one in `on_connect`.
///
/// # How a session ends
///
/// - **The peer hangs up.** What it sent before is still read and dispatched, and answered if the peer reads. The read
///   that finds the end returns an error, which `?` passes on: a clean end, not a failure. The loop does not go on.
/// - **A method returns another error, or panics.** A read that timed out, passed on by `?`, is such an error. It is
///   logged and ends the session for [`HandlerFailed`](crate::DisconnectReason::HandlerFailed), which says the error
///   with its causes, as far as they fit into 1 KiB; a server serves the next client.
/// - **Somebody else ends it**: `close`, `close_client`, a new client in the place of one that has hung up. The
///   method's future is dropped where it waits, and `on_disconnect` runs. The next client's `on_connect` starts after
///   that.
///
/// Each session has its `on_connect`, also one that is over before the loop comes to it, and then its `on_disconnect`.
///
/// A method that never waits cannot be dropped; after `close_timeout` a close or the next client goes on without it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler for a read loop",
    note = "implement `ReadAndDispatch` for it, with `async fn read_and_dispatch(&self, connection: &Connection) -> \
            HandlerResult`; for `&mut self`, keep what changes in an atomic or a `Mutex`"
)]
pub trait ReadAndDispatch: Send + Sync + 'static {
    /// Reads one message and does what it says. Called again when it has returned.
    ///
    /// # Errors
    ///
    /// Any error ends the session.
    fn read_and_dispatch(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send;

    /// Called at the beginning of a session, before its first message is read: the place for a greeting. Default:
    /// nothing.
    ///
    /// The connect callbacks may be told of the session before or after; a greeting that must come after them begins
    /// with `connection.callbacks_done().await`.
    ///
    /// # Errors
    ///
    /// Any error ends the session.
    fn on_connect(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        let _ = connection;
        async { Ok(()) }
    }

    /// As `Serve::session_begins`.
    #[doc(hidden)]
    fn session_begins(&self, connection: &Connection) {
        let _ = connection;
    }

    /// As `Serve::link_starts`.
    #[doc(hidden)]
    fn link_starts(&self, link: Arc<dyn Any + Send + Sync>) {
        drop(link);
    }

    /// As `Serve::link_begins`.
    #[doc(hidden)]
    fn link_begins(self: &Arc<Self>, connection: &Connection) -> Arc<Self>
    where
        Self: Sized,
    {
        let _ = connection;
        Arc::clone(self)
    }

    /// Called when the session is over, however it ended; nothing can be written any more. What it does
    /// must be done within `close_timeout`: then it is dropped where it waits, which is logged. Default: nothing.
    fn on_disconnect(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        let _ = connection;
        async {}
    }
}
