//! A handler that takes a whole session.

use std::{any::Any, future::pending, sync::Arc};

use tokio::task::coop::consume_budget;

use crate::{Connection, HandlerResult, ReadAndDispatch};

/// What a handler does with a session as a whole, from its beginning to its end: for a log-in, a dialogue of several
/// steps, or several things at once, where a loop over messages does not fit. Where it does, a handler implements
/// [`ReadAndDispatch`], and is a `Serve` by that.
///
/// For each session [`on_connect`](Self::on_connect) is called once, then [`serve`](Self::serve) once, then
/// [`on_disconnect`](Self::on_disconnect). All that is said of handlers in [`ReadAndDispatch`] holds: how the session
/// ends for them, that a panic harms nobody, and that `stop_reading` drops the future where it waits.
///
/// # Examples
///
/// ```
/// use tcpip_core::{Connection, HandlerResult, Serve};
///
/// struct MotorController;
///
/// impl Serve for MotorController {
///     async fn serve(&self, connection: &Connection) -> HandlerResult {
///         connection.write(b"Username: ").await?;
///         let user = connection.read_str().await?;
///         connection.write(b"Password: ").await?;
///         if user != "gmc" || connection.read_str().await? != "secret" {
///             connection.write_str("Login failed").await?;
///             return Ok(());      // which closes the connection
///         }
///         loop {
///             match connection.read_str().await {
///                 Ok(command) => connection.write_str(&format!("{user}: {command}")).await?,
///                 Err(error) if error.ends_session() => return Err(error.into()),
///                 Err(error) => tracing::warn!("passed over: {error}"),
///             }
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "implement `ReadAndDispatch` for it, with `async fn read_and_dispatch(&self, connection: &Connection) -> \
            HandlerResult`, or `Serve`; for `&mut self`, keep what changes in an atomic or a `Mutex`"
)]
pub trait Serve: Send + Sync + 'static {
    /// Does all that is to be done in a session. When it returns `Ok`, the session is over: this end closes it, unless
    /// the peer has hung up before, or has ended it.
    ///
    /// It learns of the peer's hang-up from a read, or from a write once that fails, or waits for it by
    /// [`wait_hung_up`](Connection::wait_hung_up); until then it is not disturbed, and counts as being at work. When
    /// somebody else ends the session, its future is dropped where it waits.
    ///
    /// # Errors
    ///
    /// Any error ends the session. One of the library that says that the session is over, passed on by `?`, is no
    /// failure.
    fn serve(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send;

    /// As [`ReadAndDispatch::on_connect`]: called before [`serve`](Self::serve). Default: nothing.
    ///
    /// # Errors
    ///
    /// Any error ends the session.
    fn on_connect(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        let _ = connection;
        async { Ok(()) }
    }

    /// The handler has a session, whose task begins soon. The library's own handlers are told, so that they may be used
    /// as soon as a client is connected; users' code does not run here.
    #[doc(hidden)]
    fn session_begins(&self, connection: &Connection) {
        let _ = connection;
    }

    /// The sessions to come are those of a link, which is what the client crate makes of it. The library's own handlers
    /// may wait for it.
    #[doc(hidden)]
    fn link_starts(&self, link: Arc<dyn Any + Send + Sync>) {
        drop(link);
    }

    /// The session that has begun, and whose `on_connect` comes next, is that of a link. Returns the handler for what is
    /// done before the link is ready. The library's own handlers hold back until then what is not asked of that.
    #[doc(hidden)]
    fn link_begins(self: &Arc<Self>, connection: &Connection) -> Arc<Self>
    where
        Self: Sized,
    {
        let _ = connection;
        Arc::clone(self)
    }

    /// As [`ReadAndDispatch::on_disconnect`]: called when the session is over, however it ended. Default: nothing.
    fn on_disconnect(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        let _ = connection;
        async {}
    }
}

/// The loop over messages.
#[diagnostic::do_not_recommend]
impl<H: ReadAndDispatch> Serve for H {
    #[expect(clippy::manual_async_fn, reason = "the arguments of an `async fn` would have room in the task twice")]
    fn serve(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        async move {
            let mut seen = None;
            while !connection.is_exhausted() {
                if connection.is_handler_stopping() {
                    // Interrupted here, although what comes next may be there already.
                    pending::<()>().await;
                }
                self.read_and_dispatch(connection).await?;
                if !connection.is_connected() {
                    let reads = Some(connection.reads());
                    if reads == seen {
                        // It does not read, so it will not learn of the end from a read.
                        break;
                    }
                    seen = reads;
                }
                // The handler may never wait.
                consume_budget().await;
            }
            Ok(())
        }
    }

    fn on_connect(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        ReadAndDispatch::on_connect(self, connection)
    }

    fn session_begins(&self, connection: &Connection) {
        ReadAndDispatch::session_begins(self, connection);
    }

    fn link_starts(&self, link: Arc<dyn Any + Send + Sync>) {
        ReadAndDispatch::link_starts(self, link);
    }

    fn link_begins(self: &Arc<Self>, connection: &Connection) -> Arc<Self> {
        ReadAndDispatch::link_begins(self, connection)
    }

    fn on_disconnect(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        ReadAndDispatch::on_disconnect(self, connection)
    }
}
