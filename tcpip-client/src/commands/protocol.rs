//! What a device speaks.

use std::{error::Error, fmt, time::Duration};

use tcpip_core::{Batch, Connection, HandlerError, HandlerResult, WriteError};

/// What a device speaks, for [`Commands`](super::Commands): how commands are written and frames read, and which frame
/// is the reply of which command.
///
/// No lock is held while any of its methods runs. [`Id`](Self::Id)s are compared under one: their `Eq` must not wait,
/// nor give commands. A panic of any of them ends the session, as that of every handler; one of [`id`](Self::id) or
/// [`write`](Self::write) is the caller's.
pub trait Protocol: Send + Sync + 'static {
    /// What is commanded.
    type Command: ?Sized + Sync;
    /// What is read: one message of the device.
    type Frame: Send + 'static;
    /// By which replies are told from each other. `()` where there is nothing: they come in the order of the commands
    /// then. So it is with each type that tells nothing, which is one without size.
    type Id: Clone + Eq + fmt::Debug + Send + Sync + 'static;

    /// Returns the id of the so-manieth command, counted from 0 over all sessions.
    ///
    /// It may wrap, as `number as u8` does: an id that is in flight is skipped, and where all are, the command waits
    /// for its turn. A reply that comes after its id has been given again is taken for the new command's: so the fewer
    /// ids there are, the sooner one that is very late is paired wrongly.
    fn id(&self, number: u64) -> Self::Id;

    /// Puts a command into a message. One that puts nothing in is not sent, and has no reply. It is also called, as
    /// [`id`](Self::id) is, to show in an error what was not sent.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::write_str`]. The command is not sent then.
    fn write(&self, id: &Self::Id, command: &Self::Command, message: &mut Batch) -> Result<(), WriteError>;

    /// Reads one frame.
    ///
    /// # Errors
    ///
    /// Any error ends the session. What is no frame is better passed over in here, or made a frame that is an
    /// [event](Kind::Event):
    ///
    /// ```
    /// use tcpip_client::{Connection, HandlerError};
    ///
    /// async fn read(connection: &Connection) -> Result<String, HandlerError> {
    ///     loop {
    ///         match connection.read_str().await {
    ///             Ok(line) => return Ok(line),
    ///             Err(error) if error.ends_session() => return Err(error.into()),
    ///             Err(error) => tracing::warn!("passed over: {error}"),
    ///         }
    ///     }
    /// }
    /// ```
    fn read(&self, connection: &Connection) -> impl Future<Output = Result<Self::Frame, HandlerError>> + Send;

    /// Returns what a frame is.
    fn classify(&self, frame: &Self::Frame) -> Kind<Self::Id>;

    /// Takes a frame that is no reply. It is called by the reader, and must not wait. Default: it is logged, and
    /// dropped.
    fn event(&self, frame: Self::Frame) {
        drop(frame);
        tracing::debug!("an event is dropped");
    }

    /// Takes a reply that nobody waits for: its caller is gone or was told that it is late, or it came twice, or
    /// unasked. It is called by the reader, and must not wait. Default: it is logged, and dropped.
    fn late(&self, id: Self::Id, frame: Self::Frame) {
        drop(frame);
        tracing::warn!("a reply that nobody waits for is dropped: id {id:?}");
    }

    /// Called at the beginning of a session, before its first frame is read and its first command written: the place
    /// for a greeting or a log-in, by reads and writes of the connection. Default: nothing.
    ///
    /// # Errors
    ///
    /// Any error ends the session.
    fn on_connect(&self, connection: &Connection) -> impl Future<Output = HandlerResult> + Send {
        let _ = connection;
        async { Ok(()) }
    }

    /// Called when the session is over, and all callers have been told: the place for
    /// [`Latest::interrupt`](tcpip_core::Latest::interrupt). Default: nothing.
    fn on_disconnect(&self, connection: &Connection) -> impl Future<Output = ()> + Send {
        let _ = connection;
        async {}
    }
}

/// What a frame is.
#[derive(Debug)]
pub enum Kind<Id> {
    /// A reply to the command with that id, or part of one.
    Reply(Id, Phase),
    /// No reply: it comes unasked.
    Event,
}

impl Kind<()> {
    /// A reply to the oldest command whose reply has not ended.
    #[must_use]
    pub fn next(phase: Phase) -> Self {
        Self::Reply((), phase)
    }
}

/// How far a reply says that its command has come.
#[derive(Debug)]
pub enum Phase {
    /// Not to its end: it is acknowledged, or goes on. With a time, the end will come within that from now, and is late
    /// behind it: so a protocol adds some to what a device only estimates.
    Interim(Option<Duration>),
    /// It is done.
    Done,
    /// It was refused, or has failed, for that reason: a text (`reason.into()`), or an error of the protocol's own,
    /// which the caller finds by [`RequestError::refusal`](crate::RequestError::refusal).
    Failed(Box<dyn Error + Send + Sync>),
}
