//! One request in flight.

use std::{fmt, sync::Arc};

use tcpip_core::{Batch, Connection, DisconnectReason, ReadTurn, Sent, WriteError, endpoint::Lock};
use tokio::{sync::Mutex, task::coop::consume_budget};

use super::{
    command::{Command, IntoCommand},
    device::Device,
    error::{Cause, RequestError},
    front::Front,
    options::{RequestOptions, Unsolicited},
    outstanding::Outstanding,
    reply::{Described, Reply},
    shape::Shape,
    shapes::{line, literal},
    turn::{Kept, Turn},
};
use crate::Client;

/// Asks a device that answers each command before the next, from many tasks.
///
/// Each request has its turn: it is written, and its reply read, before the next one is. A reply that comes late, or
/// whose caller is gone, is never taken for the next one's: [`OutOfStep`](super::OutOfStep) says what happens then, by
/// default the session ends. All waits have [deadlines](RequestOptions).
///
/// What no option can do: a device without ids cannot be asked which command a byte answers. What arrives unasked
/// *after* a command has gone out is taken for its reply.
///
/// Clones share the device. Dropping the last one closes the client; one that a [`Link`](crate::Link) lends does not
/// keep that alive, and has no session any more when the link is dropped.
///
/// # Cancel safety
///
/// A request that is dropped before its turn sends nothing. One that is dropped later is one whose reply is late.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let (stream, device) = tokio::io::duplex(1024);
/// # tokio::spawn(async move {
/// #     use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
/// #     let (reader, mut writer) = tokio::io::split(device);
/// #     let mut lines = BufReader::new(reader).lines();
/// #     while let Some(line) = lines.next_line().await.unwrap() {
/// #         writer.write_all(if line == "TRACE?" { b"1\r\n2\r\n>" } else { b"1.25\r\n" }).await.unwrap();
/// #     }
/// # });
/// use tcpip_client::{Client, RequestOptions, Requester, Shape, line, lines_before};
///
/// let client = Client::from_stream(tcpip_client::NetworkStream::new(stream)).connect().await?;
/// let device = Requester::new(client, RequestOptions::new());
/// let voltage: f64 = device.ask("VOLT?").await?.parse()?;
/// let current = device.ask_for("CURR?", line().try_map(|reply| reply.parse::<f64>())).await?;
/// let trace = device.ask_for("TRACE?", lines_before(b">")).await?;
/// # assert_eq!((voltage, current, trace), (1.25, 1.25, vec!["1".to_owned(), "2".to_owned()]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Requester {
    pub(super) device: Arc<Device>,
    pub(super) options: Arc<RequestOptions>,
    /// The turn, where it is kept for several requests.
    pub(super) kept: Option<Kept>,
}

impl Requester {
    /// Returns one that asks by `client`.
    #[must_use]
    pub fn new(client: Client, options: RequestOptions) -> Self {
        Self::of(client.connection(), Some(client), options)
    }

    /// Returns one that asks by a connection that somebody else owns, and that no handler reads meanwhile.
    #[must_use]
    pub fn over(connection: Connection, options: RequestOptions) -> Self {
        Self::of(connection, None, options)
    }

    fn of(connection: Connection, client: Option<Client>, options: RequestOptions) -> Self {
        Self::to(Arc::new(Device::of(connection, client)), options)
    }

    pub(crate) fn to(device: Arc<Device>, options: RequestOptions) -> Self {
        Self { device, options: Arc::new(options), kept: None }
    }

    /// Returns the connection, for what is no request: that of the present session, or of the last one.
    #[must_use]
    pub fn connection(&self) -> Connection {
        match &self.kept {
            Some(kept) => kept.connection.clone(),
            None => self.device.connection(),
        }
    }

    /// Returns one with other options, of those that this has: for one call, or many.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(RequestOptions) -> RequestOptions) -> Self {
        let options = change(RequestOptions::clone(&self.options));
        Self { options: Arc::new(options), ..self.clone() }
    }

    /// Waits for the turn, and returns a requester that keeps it: no request of another comes between its own. The turn
    /// ends with the last of its clones. It is one of its session: behind the end of that its requests fail, and are
    /// never sent in the next one.
    ///
    /// # Errors
    ///
    /// [`Busy`](Cause::Busy), and [`NotConnected`](Cause::NotConnected), for a link behind the
    /// [`ready_timeout`](RequestOptions::ready_timeout).
    pub async fn exclusive(&self) -> Result<Self, RequestError> {
        if self.kept.is_some() {
            return Ok(self.clone());
        }
        match self.first_turn(&self.connection(), &mut self.options.turn_timeout.clone()).await {
            Ok(Turn::Own(turn)) => {
                let kept = Kept { connection: turn.connection().clone(), turn: Arc::new(Mutex::new(turn)) };
                Ok(Self { kept: Some(kept), ..self.clone() })
            }
            Ok(Turn::Kept(_)) => Ok(self.clone()),
            Err(cause) => Err(self.refused(b"", cause)),
        }
    }

    /// Asks for a line of text.
    ///
    /// # Errors
    ///
    /// A [`RequestError`], which says [why](RequestError::cause) and [how far](RequestError::sent) it went.
    pub async fn ask(&self, command: impl IntoCommand) -> Result<String, RequestError> {
        self.ask_for(command, line()).await
    }

    /// Asks for a reply of that shape.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn ask_for<S: Shape>(&self, command: impl IntoCommand, shape: S) -> Result<S::Output, RequestError> {
        self.request(|message| command.write(message), shape, self.options.is_idempotent).await
    }

    /// Sends a command that has no reply, but for the echo if there is one.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn tell(&self, command: impl IntoCommand) -> Result<(), RequestError> {
        self.ask_for(command, literal(b"")).await
    }

    /// Asks by a command that has its shape.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn run<C: Command>(&self, command: &C) -> Result<C::Reply, RequestError> {
        let is_idempotent = self.options.is_idempotent || command.is_idempotent();
        self.request(|message| command.write(message), command.reply(), is_idempotent).await
    }

    /// Waits for what comes unasked, such as a greeting. It is not repeated.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn receive<S: Shape>(&self, shape: S) -> Result<S::Output, RequestError> {
        consume_budget().await;
        let refused = |cause| self.refused(b"", cause);
        let turn = self.first_turn(&self.connection(), &mut self.options.turn_timeout.clone()).await;
        let turn = turn.map_err(refused)?;
        if let Some(reason @ DisconnectReason::OutOfStep) = turn.connection().reason() {
            // What is left there is of the request for which the session has ended.
            return Err(refused(Cause::NotConnected { reason: Some(reason), link: None }));
        }
        let reply = Reply::new(Described::Once(shape), turn.connection().requests().trailing(), Vec::new());
        let mut outstanding = Outstanding::new(turn, reply, None, &self.options);
        let received = outstanding.receive().await;
        outstanding.outcome(received)
    }

    /// Closes the client, or the connection; of a [`Link`](crate::Link) the present session, behind which there is
    /// another one.
    pub async fn close(&self) {
        match &self.device.client {
            Some(client) => client.close().await,
            None => self.connection().close().await,
        }
    }

    /// Makes a request, as often as the options say.
    async fn request<S: Shape>(
        &self,
        write: impl Fn(&mut Batch) -> Result<(), WriteError>,
        shape: S,
        is_idempotent: bool,
    ) -> Result<S::Output, RequestError> {
        let compose = |connection: &Connection| {
            let mut command = connection.batch();
            match write(&mut command) {
                Ok(()) => Ok(command),
                Err(error) => Err(self.refused(command.as_bytes(), Cause::Write(error))),
            }
        };
        let connection = self.connection();
        let mut command = compose(&connection)?;
        let mut left = self.options.turn_timeout;
        let free = if self.kept.is_none() { connection.free_turn() } else { None };
        let turn = match free {
            // Mostly it is.
            Some(turn) => Ok(Turn::Own(turn)),
            None => self.first_turn(&connection, &mut left).await,
        };
        if let Ok(turn) = &turn
            && *turn.connection() != connection
        {
            command = compose(turn.connection())?;
        }
        drop(connection);
        if self.options.retries == 0 {
            return match turn {
                Ok(turn) => self.exchange(turn, command, Described::Once(shape)).await,
                Err(cause) => Err(self.refused(command.as_bytes(), cause)),
            };
        }
        let shape = Arc::new(Lock::new(shape));
        let mut outcome = match turn {
            Ok(turn) => self.exchange(turn, command, Described::Repeatedly(Arc::clone(&shape))).await,
            Err(cause) => Err(self.refused(command.as_bytes(), cause)),
        };
        for _ in 0..self.options.retries {
            let error = match outcome {
                Err(error) if error.may_be_repeated(is_idempotent) => error,
                outcome => return outcome,
            };
            let Some(turn) = self.next_turn(&mut left).await else { return Err(error) };
            tracing::warn!("{error}: it is repeated");
            let command = compose(turn.connection()).map_err(|again| again.behind(error.sent()))?;
            outcome = self.exchange(turn, command, Described::Repeatedly(Arc::clone(&shape))).await;
            outcome = outcome.map_err(|again| again.behind(error.sent()));
        }
        outcome
    }

    /// Sends a command, and waits for its reply.
    async fn exchange<S: Shape>(
        &self,
        mut turn: Turn,
        command: Batch,
        shape: Described<S>,
    ) -> Result<S::Output, RequestError> {
        if turn.unread() > 0
            && let Err(cause) = self.refuse_unsolicited(&mut turn).await
        {
            return Err(self.refused(command.as_bytes(), cause));
        }
        let reply = Reply::new(shape, turn.connection().requests().trailing(), self.echo(&turn, &command));
        let sending = Some(command.into_sending());
        let mut outstanding = Outstanding::new(turn, reply, sending, &self.options);
        if let Err(error) = outstanding.send().await {
            return Err(outstanding.failed(Cause::Write(error)));
        }
        let received = outstanding.receive().await;
        outstanding.outcome(received)
    }

    /// The error of a command of which nothing has left.
    fn refused(&self, command: &[u8], cause: Cause) -> RequestError {
        let error = RequestError::new(&Front::of(command), Front::EMPTY, Sent::No, cause);
        let error = error.while_down(self.device.link_error());
        if self.options.is_secret { error.hidden() } else { error }
    }

    /// What has arrived before the command goes out is not its reply.
    async fn refuse_unsolicited(&self, turn: &mut Turn) -> Result<(), Cause> {
        let mut stray = Vec::new();
        let limit = turn.connection().limit();
        loop {
            let count = turn.unread();
            if count == 0 {
                break;
            }
            if let Some(reason) = turn.connection().reason() {
                // It belongs to a request before, whose session has ended with it.
                return Err(Cause::NotConnected { reason: Some(reason), link: None });
            }
            if stray.len() > limit {
                // It goes on and on.
                return Err(Cause::Unsolicited(stray));
            }
            match turn.read(count).await {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => stray.extend(chunk),
                Err(error) => return Err(Cause::Read(error)),
            }
        }
        let requests = turn.connection().requests();
        let mut trailing = requests.trailing();
        stray.drain(..trailing.skip(&stray));
        requests.set_trailing(trailing);
        if stray.is_empty() {
            return Ok(());
        }
        match self.options.unsolicited {
            Unsolicited::Fail => Err(Cause::Unsolicited(stray)),
            Unsolicited::Log => {
                let shown = if self.options.is_secret { Front::EMPTY } else { Front::of(&stray) };
                tracing::warn!("dropped {} bytes that nobody asked for: {shown:?}", stray.len());
                Ok(())
            }
        }
    }

    /// What the device repeats of a command.
    fn echo(&self, turn: &ReadTurn, message: &Batch) -> Vec<u8> {
        let Some(end) = &self.options.echo else { return Vec::new() };
        let mut empty = turn.connection().batch();
        let has_end = empty.write_str("").is_ok();
        let command = message.as_bytes();
        match command.strip_suffix(empty.as_bytes()).filter(|_| has_end) {
            Some(text) => [text, end].concat(),
            None => command.to_vec(),
        }
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, options, kept } = self;
        formatter
            .debug_struct("Requester")
            .field("connection", &device.connection())
            .field("options", options)
            .field("is_exclusive", &kept.is_some())
            .finish()
    }
}
