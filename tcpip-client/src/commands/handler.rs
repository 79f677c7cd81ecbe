//! The handler.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tcpip_core::{Connection, HandlerResult, ReadAndDispatch, Sent, WriteError, endpoint::Lock};
use tokio::sync::Semaphore;

use super::{
    CommandOptions, Kind, Pending, Protocol,
    entry::Entry,
    place::InSession,
    session::{Placed, Session},
};
use crate::{
    Cause, RequestError,
    requests::{Device, Front},
};

/// How many commands are in flight by default.
const IN_FLIGHT: usize = 16;

/// Gives commands to a device that sends other frames between its replies, from many tasks, several at once. Its
/// [`Protocol`] says which frame is the reply of which command: by ids, or by the order of the commands.
///
/// It is a handler: for [`connect_with`](crate::ClientBuilder::connect_with), for a
/// [link](crate::LinkBuilder::handler), for a server that asks its clients, and for whatever else has one. Its loop
/// reads all the time, so that nothing that the device sends waits.
///
/// # What becomes of a late reply
///
/// A command whose caller is gone, or whose deadline has passed, has no reply any more.
///
/// - By ids, its id is free at once, and its reply is [`late`](Protocol::late) when it comes, and
///   [counted](Self::late_replies). It is never another command's, unless ids wrap around so soon.
/// - In order, its place stays and takes its reply, all phases of it, which is late as well. If the reply does not come
///   within its deadlines, and the time for which it may be [abandoned](CommandOptions::abandon), the session ends for
///   [`OutOfStep`](tcpip_core::DisconnectReason::OutOfStep).
///
/// What cannot be told in order, with several commands in flight: where the device swallows a command, the reply of the
/// next one is taken for its own, and so on, until the last one's does not come. Where a device may do so, have one
/// [in flight](Self::in_flight): then a swallowed command ends the session, and no reply is ever wrong but one that
/// comes unasked, or twice.
///
/// # The end of a session
///
/// All callers fail at once with [`NotConnected`](Cause::NotConnected) and the reason, as soon as what had arrived has
/// been read. The next session begins with nothing in flight. One that serves a session is not for another at the same
/// time: the first would end.
///
/// # In a link
///
/// While a [`Link`](crate::Link) is not ready, nobody's command goes out but those of its
/// [`ready_when`](crate::LinkBuilder::ready_when), which are given by the handler that it is called with. The others
/// fail at once if there is no session, or wait for one as long as [`ready_timeout`](CommandOptions::ready_timeout)
/// says; if there is one, which is greeted and configured, or waits for the other links of its [group](crate::Group),
/// they wait for their turn until the link is ready.
///
/// Clones share the device. Dropping them does nothing.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # tokio::spawn(async move {
/// #     use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
/// #     let (reader, mut writer) = listener.accept().await.unwrap().0.into_split();
/// #     let mut lines = BufReader::new(reader).lines();
/// #     while let Some(line) = lines.next_line().await.unwrap() {
/// #         let id = serde_json::from_str::<Value>(&line).unwrap()["id"].clone();
/// #         let end = if line.contains("open") { "failed" } else { "success" };
/// #         for frame in [
/// #             json!({"id": id, "reply": "ack", "seconds": 20.0}),
/// #             json!({"azimuth": 12.5}),
/// #             json!({"id": id, "reply": end, "reason": "too windy"}),
/// #         ] {
/// #             writer.write_all(format!("{frame}\r\n").as_bytes()).await.unwrap();
/// #         }
/// #     }
/// # });
/// use std::time::Duration;
/// use serde_json::{Value, json};
/// use tcpip_client::{
///     Batch, Client, Commands, Connection, HandlerError, Kind, Latest, Phase, Protocol, WriteError,
/// };
///
/// #[derive(Default)]
/// struct Mount {
///     telemetry: Latest<Value>,
/// }
///
/// impl Protocol for Mount {
///     type Command = str;
///     type Frame = Value;
///     type Id = u64;
///
///     fn id(&self, number: u64) -> u64 {
///         number
///     }
///
///     fn write(&self, id: &u64, command: &str, message: &mut Batch) -> Result<(), WriteError> {
///         message.write_json(&json!({"id": id, "cmd": command})).map(drop)
///     }
///
///     async fn read(&self, connection: &Connection) -> Result<Value, HandlerError> {
///         loop {
///             match connection.read_json().await {
///                 Ok(frame) => return Ok(frame),
///                 Err(error) if error.ends_session() => return Err(error.into()),
///                 Err(error) => tracing::warn!("passed over: {error}"),
///             }
///         }
///     }
///
///     fn classify(&self, frame: &Value) -> Kind<u64> {
///         let Some(id) = frame["id"].as_u64() else { return Kind::Event };
///         let seconds = frame["seconds"].as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
///         match frame["reply"].as_str() {
///             Some("ack") => Kind::Reply(id, Phase::Interim(seconds)),
///             Some("success") => Kind::Reply(id, Phase::Done),
///             _ => Kind::Reply(id, Phase::Failed(frame["reason"].to_string().into())),
///         }
///     }
///
///     fn event(&self, frame: Value) {
///         self.telemetry.set(frame);
///     }
///
///     async fn on_disconnect(&self, _connection: &Connection) {
///         self.telemetry.interrupt();
///     }
/// }
///
/// let client = Client::builder("127.0.0.1", port).connect_with(Commands::new(Mount::default())).await?;
/// let mount = client.handler();
/// mount.run("enable").await?;
/// let mut slew = mount.submit("slew").await?;
/// slew.acknowledged().await?;                     // the first word; `next_phase` for each
/// let end = slew.await?;
/// println!("{end}, at {:?}", mount.protocol().telemetry.get());
/// match mount.with(|options| options.reply_timeout(Duration::from_secs(10))).run("open").await {
///     Err(error) if error.is_timeout() => println!("no reply: {error}"),
///     outcome => println!("{outcome:?}"),         // the device says why it does not
/// }
/// # assert_eq!(mount.run("open").await.unwrap_err().cause().to_string(), "the device says: \"too windy\"");
/// client.close().await;
/// # Ok(())
/// # }
/// ```
///
/// Replies in order are those of a protocol whose ids tell nothing: `type Id = ()`, `fn id(&self, _: u64) {}`, and
/// [`Kind::next`]. A server asks its client by
/// `OneClientReadLoopServer::builder(Commands::new(…))` and its `handler()`.
pub struct Commands<P: Protocol> {
    pub(super) shared: Arc<Shared<P>>,
    in_flight: usize,
    pub(super) options: CommandOptions,
    /// Its commands do not wait for the link: they are what makes it ready.
    pub(super) is_before_ready: bool,
}

pub(super) struct Shared<P: Protocol> {
    pub(super) protocol: P,
    /// The present session, or the last one.
    session: Lock<Arc<Session<P>>>,
    /// The link whose sessions they are, if they are one's.
    link: Lock<Option<Arc<Device>>>,
    /// How many ids have been given.
    pub(super) numbers: AtomicU64,
    late: AtomicU64,
}

impl<P: Protocol> Commands<P> {
    /// Returns one for a device that speaks `protocol`.
    #[must_use]
    pub fn new(protocol: P) -> Self {
        let none = Session::of(Connection::closed(), IN_FLIGHT, None);
        none.end();
        let (numbers, late) = (AtomicU64::new(0), AtomicU64::new(0));
        let (session, link) = (Lock::new(Arc::new(none)), Lock::new(None));
        let shared = Shared { protocol, session, link, numbers, late };
        let options = CommandOptions::default();
        Self { shared: Arc::new(shared), in_flight: IN_FLIGHT, options, is_before_ready: false }
    }

    /// How many commands may be in flight at once, in the sessions that begin with this one. Default: 16.
    #[must_use]
    pub fn in_flight(self, commands: usize) -> Self {
        Self { in_flight: commands.clamp(1, Semaphore::MAX_PERMITS), ..self }
    }

    /// Returns one with other options, of those that this has: for one call, or many.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(CommandOptions) -> CommandOptions) -> Self {
        Self { options: change(self.options), ..self.clone() }
    }

    /// Returns the protocol.
    #[must_use]
    pub fn protocol(&self) -> &P {
        &self.shared.protocol
    }

    /// Returns the connection of the present session, or of the last one.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.session().connection.clone()
    }

    /// Returns how many frames have come that were replies, and for which nobody waited: each was given to
    /// [`Protocol::late`].
    #[must_use]
    pub fn late_replies(&self) -> u64 {
        self.shared.late.load(Ordering::Relaxed)
    }

    /// Returns how many commands are under way: those whose callers wait, and in order also those whose reply may still
    /// come.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.session().in_flight()
    }

    /// Gives a command, and returns when it is on its way: the system has it. It waits for its turn before.
    ///
    /// # Errors
    ///
    /// With [`Sent::No`] before anything of it has left: [`Busy`](Cause::Busy), [`NotConnected`](Cause::NotConnected),
    /// [`Write`](Cause::Write); and [`NotConnected`](Cause::NotConnected) with [`Sent::Maybe`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits for its turn, nothing is sent. Dropped later, the message goes out whole or not at all,
    /// and a reply is [late](Self#what-becomes-of-a-late-reply).
    pub async fn submit(&self, command: &P::Command) -> Result<Pending<P>, RequestError> {
        let place = self.first_place(&mut self.options.turn_timeout.clone()).await;
        self.send(command, place).await
    }

    /// Gives a command in its place, if it has one.
    async fn send(&self, command: &P::Command, placed: InSession<P>) -> Result<Pending<P>, RequestError> {
        let Shared { protocol, .. } = &*self.shared;
        let (session, place) = placed;
        let place = place.map_err(|cause| self.not_begun(&session, command, cause))?;
        let mut message = session.connection.batch();
        let written = protocol.write(&place.id, command, &mut message);
        let entry = Arc::new(Entry::new(message.as_bytes(), self.options));
        written.map_err(|error| entry.error(Sent::No, Cause::Write(error)))?;
        // Dropped behind the sending: it finds the command in its place, or nowhere.
        let pending = Pending::new(Arc::clone(&session), Arc::clone(&entry), place.id.clone());
        let sending = message.send_expecting(&session.expected, Placed { entry: Arc::clone(&entry), place });
        sending.await.map_err(|error| entry.error(error.sent(), cause_of(error, &session.connection)))?;
        entry.is_sent();
        if session.is_over() {
            // It may have come to its place when the others were told.
            session.end();
        }
        Ok(pending)
    }

    /// Gives a command, and waits for the end of its reply.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit) and [`Pending`].
    ///
    /// # Cancel safety
    ///
    /// As [`submit`](Self::submit).
    pub async fn run(&self, command: &P::Command) -> Result<P::Frame, RequestError> {
        let CommandOptions { turn_timeout: mut left, retries, is_idempotent, .. } = self.options;
        let place = self.first_place(&mut left).await;
        let mut outcome = self.exchange(command, place).await;
        for _ in 0..retries {
            let error = match outcome {
                Err(error) if error.may_be_repeated(is_idempotent) => error,
                outcome => return outcome,
            };
            let Some((session, place)) = self.next_place(&mut left).await else { return Err(error) };
            tracing::warn!("{error}: it is repeated");
            outcome = self.exchange(command, (session, Ok(place))).await;
            outcome = outcome.map_err(|again| again.behind(error.sent()));
        }
        outcome
    }

    /// Gives a command in its place, if it has one, and waits for the end of its reply.
    async fn exchange(&self, command: &P::Command, placed: InSession<P>) -> Result<P::Frame, RequestError> {
        self.send(command, placed).await?.await
    }

    pub(super) fn link(&self) -> Option<Arc<Device>> {
        self.shared.link.lock().clone()
    }

    pub(super) fn session(&self) -> Arc<Session<P>> {
        Arc::clone(&self.shared.session.lock())
    }

    /// The session of that connection, which begins unless it has begun.
    fn begin(&self, connection: &Connection, link: Option<Arc<Device>>) -> Arc<Session<P>> {
        let begun = Arc::new(Session::of(connection.clone(), self.in_flight, link));
        let last = {
            let mut session = self.shared.session.lock();
            if session.connection == *connection {
                return Arc::clone(&session);
            }
            std::mem::replace(&mut *session, Arc::clone(&begun))
        };
        last.end();
        begun
    }

    /// Takes a frame to where it belongs.
    fn dispatch(&self, session: &Session<P>, frame: P::Frame) {
        let Shared { protocol, late, .. } = &*self.shared;
        match protocol.classify(&frame) {
            Kind::Event => protocol.event(frame),
            Kind::Reply(id, phase) => {
                if let Err(frame) = session.reply(&id, phase, frame) {
                    late.fetch_add(1, Ordering::Relaxed);
                    protocol.late(id, frame);
                }
            }
        }
    }

    /// The error of a command that was not written, which is shown as it would have been.
    fn not_begun(&self, session: &Session<P>, command: &P::Command, cause: Cause) -> RequestError {
        let Shared { protocol, numbers, .. } = &*self.shared;
        let mut message = session.connection.batch();
        // What cannot be written is not shown.
        let _ = protocol.write(&protocol.id(numbers.load(Ordering::Relaxed)), command, &mut message);
        let error = RequestError::new(&Front::of(message.as_bytes()), Front::EMPTY, Sent::No, cause);
        error.while_down(self.link().and_then(|link| link.link_error()))
    }
}

fn cause_of(error: WriteError, connection: &Connection) -> Cause {
    if error.ends_session() {
        Cause::NotConnected { reason: connection.reason(), link: None }
    } else {
        Cause::Write(error)
    }
}

impl<P: Protocol> ReadAndDispatch for Commands<P> {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let session = self.session();
        if session.connection != *connection {
            return Err("another session has begun with the same handler".into());
        }
        let read = self.shared.protocol.read(connection).await.map(|frame| self.dispatch(&session, frame));
        if connection.is_exhausted() {
            // No reply will come, however long the session lives for what it sends.
            session.end();
        }
        read
    }

    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let session = self.begin(connection, None);
        self.shared.protocol.on_connect(connection).await?;
        session.open();
        Ok(())
    }

    fn session_begins(&self, connection: &Connection) {
        *self.shared.link.lock() = None;
        self.begin(connection, None);
    }

    fn link_starts(&self, link: Arc<dyn Any + Send + Sync>) {
        *self.shared.link.lock() = link.downcast().ok();
    }

    fn link_begins(self: &Arc<Self>, connection: &Connection) -> Arc<Self> {
        self.begin(connection, self.link());
        Arc::new(Self { is_before_ready: true, ..Self::clone(self) })
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let session = self.session();
        if session.connection == *connection {
            session.end();
        }
        self.shared.protocol.on_disconnect(connection).await;
    }
}

impl<P: Protocol> Clone for Commands<P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ..*self }
    }
}

impl<P: Protocol> fmt::Debug for Commands<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Commands")
            .field("connection", &self.connection())
            .field("in_flight", &self.under_way())
            .field("options", &self.options)
            .field("late_replies", &self.late_replies())
            .finish_non_exhaustive()
    }
}
