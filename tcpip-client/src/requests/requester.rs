//! One request in flight.

use std::{fmt, future::poll_fn, pin::pin, sync::Arc, task::Poll};

use tcpip_core::{Batch, Connection, ReadError, ReadTurn, Sent, WriteError};
use tokio::{sync::Mutex, time::timeout};

use super::{
    command::{Command, IntoCommand},
    device::Device,
    error::{Cause, RequestError, SHOWN},
    options::{RequestOptions, Unsolicited},
    outstanding::{Outstanding, Turn},
    reply::Reply,
    shape::{Format, Shape},
    shapes::{bytes, line},
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
/// Clones share the device. Dropping the last one closes the client.
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
    device: Arc<Device>,
    options: Arc<RequestOptions>,
    /// The turn, where it is kept for several requests.
    kept: Option<Kept>,
}

/// A turn that is kept, and the connection that it is one of.
#[derive(Clone)]
struct Kept {
    connection: Connection,
    turn: Arc<Mutex<ReadTurn>>,
}

impl Requester {
    /// Returns one that asks by `client`.
    #[must_use]
    pub fn new(client: Client, options: RequestOptions) -> Self {
        Self::of(client.connection(), Some(client), options)
    }

    /// Returns one that asks by a connection that somebody else owns.
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
    /// ends with the last of its clones.
    ///
    /// # Errors
    ///
    /// [`Busy`](Cause::Busy), [`Read`](Cause::Read).
    pub async fn exclusive(&self) -> Result<Self, RequestError> {
        if self.kept.is_some() {
            return Ok(self.clone());
        }
        let connection = self.session().await;
        match self.turn(&connection).await {
            Ok(Turn::Own(turn)) => {
                let kept = Kept { connection, turn: Arc::new(Mutex::new(turn)) };
                Ok(Self { kept: Some(kept), ..self.clone() })
            }
            Ok(Turn::Kept(_)) => Ok(self.clone()),
            Err(cause) => Err(RequestError::new(b"", Sent::No, cause)),
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
        let connection = self.session().await;
        let mut message = connection.batch();
        let written = command.write(&mut message);
        self.request(&connection, message, written, shape).await
    }

    /// Sends a command that has no reply, but for the echo if there is one.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn tell(&self, command: impl IntoCommand) -> Result<(), RequestError> {
        self.ask_for(command, bytes(0).map(drop)).await
    }

    /// Asks by a command that has its shape.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn run<C: Command>(&self, command: &C) -> Result<C::Reply, RequestError> {
        let connection = self.session().await;
        let mut message = connection.batch();
        let written = command.write(&mut message);
        self.request(&connection, message, written, command.reply()).await
    }

    /// Waits for what comes unasked, such as a greeting.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn receive<S: Shape>(&self, shape: S) -> Result<S::Output, RequestError> {
        let failed = |sent, cause| RequestError::new(b"", sent, cause);
        let connection = self.session().await;
        let turn = self.turn(&connection).await.map_err(|cause| failed(Sent::No, cause))?;
        let reply = Reply::new(shape, Format::of(&connection), Vec::new());
        let options = Arc::clone(&self.options);
        let mut outstanding = Outstanding::new(turn, reply, None, options, Arc::clone(&self.device.counts));
        Self::outcome(outstanding.receive().await, outstanding).map_err(|(sent, cause)| failed(sent, cause))
    }

    /// Closes the client, or the connection.
    pub async fn close(&self) {
        match &self.device.client {
            Some(client) => client.close().await,
            None => self.connection().close().await,
        }
    }

    async fn request<S: Shape>(
        &self,
        connection: &Connection,
        mut message: Batch,
        written: Result<(), WriteError>,
        shape: S,
    ) -> Result<S::Output, RequestError> {
        let echo = self.echo(connection, &message);
        let command = Front::of(message.as_bytes());
        let failed = |sent, cause| RequestError::new(command.bytes(), sent, cause);
        written.map_err(|error| failed(Sent::No, Cause::Write(error)))?;
        let mut turn = self.turn(connection).await.map_err(|cause| failed(Sent::No, cause))?;
        self.refuse_unsolicited(&mut turn).await.map_err(|cause| failed(Sent::No, cause))?;
        let reply = Reply::new(shape, Format::of(connection), echo);
        let (options, counts) = (Arc::clone(&self.options), Arc::clone(&self.device.counts));
        let mut outstanding = Outstanding::new(turn, reply, Some(message.send()), options, counts);
        if let Err(error) = outstanding.send().await {
            return Err(failed(outstanding.sent(), Cause::Write(error)));
        }
        Self::outcome(outstanding.receive().await, outstanding).map_err(|(sent, cause)| failed(sent, cause))
    }

    fn outcome<S: Shape>(
        received: Result<super::reply::Taken<S::Output>, Cause>,
        outstanding: Outstanding<S>,
    ) -> Result<S::Output, (Sent, Cause)> {
        match received {
            Ok(taken) => {
                outstanding.conclude();
                taken.map_err(|error| (Sent::Yes, Cause::Value(error)))
            }
            Err(cause) => Err((outstanding.sent(), cause)),
        }
    }

    /// The connection of a session that has not ended, if there is one within the deadline, or at once.
    async fn session(&self) -> Connection {
        if let (None, Some(after)) = (&self.kept, self.options.ready_timeout)
            && !self.connection().is_connected()
        {
            // Without, the connection says why.
            let _ = timeout(after, self.device.ready()).await;
        }
        self.connection()
    }

    /// Waits for the turn.
    async fn turn(&self, connection: &Connection) -> Result<Turn, Cause> {
        let after = self.options.turn_timeout;
        let mut waiting = pin!(async {
            match &self.kept {
                None => connection.read_turn().await.map(Turn::Own),
                Some(kept) => Ok(Turn::Kept(Arc::clone(&kept.turn).lock_owned().await)),
            }
        });
        // Mostly it is free, and no timer is needed.
        let first = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
        let turn = match first {
            Poll::Ready(turn) => turn,
            Poll::Pending => connection.within(after, waiting).await.map_err(|_| Cause::Busy { after })?,
        };
        turn.map_err(|error| match error {
            ReadError::Timeout { after, .. } => Cause::Busy { after },
            error => Cause::Read(error),
        })
    }

    /// What has arrived before the command goes out is not its reply.
    async fn refuse_unsolicited(&self, turn: &mut Turn) -> Result<(), Cause> {
        let (mut stray, connection) = (Vec::new(), turn.connection().clone());
        let limit = connection.limit();
        loop {
            let count = connection.unread();
            if count == 0 {
                break;
            }
            if let Some(reason) = connection.reason() {
                // It belongs to a request before, whose session has ended with it.
                return Err(Cause::NotConnected { reason: Some(reason) });
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
        if stray.is_empty() {
            return Ok(());
        }
        match self.options.unsolicited {
            Unsolicited::Fail => Err(Cause::Unsolicited(stray)),
            Unsolicited::Log => {
                tracing::warn!("dropped what nobody asked for: \"{}\"", stray.escape_ascii());
                Ok(())
            }
        }
    }

    /// What the device repeats of a command.
    fn echo(&self, connection: &Connection, message: &Batch) -> Vec<u8> {
        let Some(end) = &self.options.echo else { return Vec::new() };
        let mut empty = connection.batch();
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

/// What an error shows of a command.
#[derive(Clone, Copy)]
struct Front {
    bytes: [u8; SHOWN + 1],
    length: usize,
}

impl Front {
    fn of(command: &[u8]) -> Self {
        let mut front = Self { bytes: [0; SHOWN + 1], length: command.len().min(SHOWN + 1) };
        front.bytes[..front.length].copy_from_slice(&command[..front.length]);
        front
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
