//! The connection to the dome, and what is said over it.

use std::time::Duration;

use tcpip_client::{Client, Connection, DisconnectReason, ReadError};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    azimuth::Azimuth,
    command::Command,
    dome_builder::DomeBuilder,
    dome_error::DomeError,
    full_status::FullStatus,
    reply::{self, PROMPT, TITLE},
    short_status::ShortStatus,
};

/// How near to its goal, in degrees, the dome counts as there.
const NEAR: f64 = 0.1;

/// How much of a wrong greeting an error shows, in bytes.
const SHOWN: usize = 60;

/// A connection to the dome. Dropping it closes the connection.
///
/// Several tasks may use it at once: their commands wait for each other.
#[derive(Debug)]
pub struct Dome {
    client: Client,
    step: Mutex<Step>,
    reply_timeout: Duration,
    poll_interval: Duration,
}

/// Whether the next thing to be read is the reply to the next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Every command has had its reply.
    InStep,
    /// A command is waiting for its reply or, if nobody holds the lock, was dropped while it waited.
    Waiting,
}

impl Dome {
    /// Connects with the default options and waits for the dome's greeting.
    ///
    /// # Errors
    ///
    /// As [`DomeBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(host: &str, port: u16) -> Result<Self, DomeError> {
        Self::builder(host, port).connect().await
    }

    /// The options to connect with.
    pub fn builder(host: &str, port: u16) -> DomeBuilder {
        DomeBuilder::new(host, port)
    }

    /// Waits for the greeting on a fresh connection.
    pub(crate) async fn greeted(
        client: Client,
        reply_timeout: Duration,
        poll_interval: Duration,
    ) -> Result<Self, DomeError> {
        let error = match client.read_until(PROMPT).await {
            Ok(greeting) if reply::lines(&greeting).is_some_and(|lines| lines == [TITLE]) => {
                return Ok(Self { client, step: Mutex::new(Step::InStep), reply_timeout, poll_interval });
            }
            Ok(other) => wrong_greeting(&other),
            Err(ReadError::Incomplete { partial, .. }) if !partial.is_empty() => wrong_greeting(&partial),
            Err(ReadError::FrameTooLong { .. }) => wrong_greeting(b"a very long line"),
            Err(ReadError::Timeout { after, .. }) => DomeError::NoGreeting { after },
            Err(_) => DomeError::TurnedAway,
        };
        client.close().await;
        Err(error)
    }

    /// Sends one line, such as `280.00 MV`, and gives the lines of the reply.
    ///
    /// # Errors
    ///
    /// - [`DomeError::NotOneCommand`] when the line is blank or has a line end in it; nothing is sent;
    /// - [`DomeError::NoReply`] when the reply does not come in time; the link is closed;
    /// - [`DomeError::MalformedReply`] when what comes is no reply; the link is closed;
    /// - [`DomeError::Lost`], [`DomeError::Closed`] when there is no link any more;
    /// - [`DomeError::Abandoned`] when an earlier command was dropped before its reply; the link is closed.
    ///
    /// # Cancel safety
    ///
    /// Once the future has been polled, dropping it closes the link with the next command, since a reply is then on its
    /// way that belongs to nobody.
    pub async fn send(&self, line: &str) -> Result<Vec<String>, DomeError> {
        if line.trim().is_empty() || line.contains(['\r', '\n']) {
            return Err(DomeError::NotOneCommand { line: line.to_owned() });
        }
        let mut step = self.step.lock().await;
        if *step == Step::Waiting {
            self.client.close().await;
            *step = Step::InStep;
            return Err(DomeError::Abandoned);
        }
        *step = Step::Waiting;
        let reply = self.exchange(line).await;
        match &reply {
            Ok(_) => {}
            // The loss was not this end's wish: it ought to be connected still.
            Err(DomeError::Lost { .. }) => self.client.basic_close().await,
            Err(_) => self.client.close().await,
        }
        *step = Step::InStep;
        reply
    }

    /// Sends a command that has no reply lines; says nothing of whether the dome obeys.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`DomeError::Failed`] when the dome answers something.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn command(&self, command: Command) -> Result<(), DomeError> {
        let command = command.to_string();
        let answer = self.send(&command).await?;
        if answer.is_empty() { Ok(()) } else { Err(DomeError::Failed { command, answer: answer.join("; ") }) }
    }

    /// Asks for the short status.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`DomeError::Status`] when the reply is no such status.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn short_status(&self) -> Result<ShortStatus, DomeError> {
        Ok(ShortStatus::parse(&self.send(&Command::ShortStatus.to_string()).await?)?)
    }

    /// Asks for the full status.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`DomeError::Status`] when the reply is no such status.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn full_status(&self) -> Result<FullStatus, DomeError> {
        Ok(FullStatus::parse(&self.send(&Command::FullStatus.to_string()).await?)?)
    }

    /// Asks for the short status until it is as wanted, and gives the first that is. `is_wanted` sees every one, so
    /// that it may also show progress.
    ///
    /// # Errors
    ///
    /// As [`short_status`](Self::short_status), and [`DomeError::NotDone`] when no status was as wanted in time.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn wait_until(
        &self,
        within: Duration,
        mut is_wanted: impl FnMut(&ShortStatus) -> bool,
    ) -> Result<ShortStatus, DomeError> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.short_status().await?;
            if is_wanted(&status) {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(DomeError::NotDone { within });
            }
            sleep(self.poll_interval).await;
        }
    }

    /// Waits until nothing moves any more, neither azimuth nor doors.
    ///
    /// # Errors
    ///
    /// As [`wait_until`](Self::wait_until).
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn wait_until_still(&self, within: Duration) -> Result<ShortStatus, DomeError> {
        self.wait_until(within, |status| !status.move_code.is_moving()).await
    }

    /// Homes the azimuth and waits until that is done.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command) and [`wait_until`](Self::wait_until), and [`DomeError::NotHomed`] when the dome
    /// stands still without having been homed.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send); the dome goes on homing.
    pub async fn home(&self, within: Duration) -> Result<ShortStatus, DomeError> {
        self.command(Command::Home).await?;
        let status = self.wait_until(within, |status| !status.move_code.is_azimuth_moving()).await?;
        if status.homed && status.at_home { Ok(status) } else { Err(DomeError::NotHomed { azimuth: status.azimuth }) }
    }

    /// Rotates to an azimuth and waits until the dome is there.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command) and [`wait_until`](Self::wait_until), and [`DomeError::NotThere`] when the dome
    /// stands still elsewhere: it does not say so when it refuses a command.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send); the dome goes on rotating.
    pub async fn rotate_to(&self, goal: Azimuth, within: Duration) -> Result<ShortStatus, DomeError> {
        self.command(Command::Move(goal)).await?;
        let status = self.wait_until(within, |status| !status.move_code.is_azimuth_moving()).await?;
        let clockwise = (status.azimuth - goal.degrees()).rem_euclid(360.0);
        if clockwise.min(360.0 - clockwise) <= NEAR {
            Ok(status)
        } else {
            Err(DomeError::NotThere { goal, azimuth: status.azimuth })
        }
    }

    /// Whether the dome is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Whether it ought to be: true until this end closes the link. So `should_be_connected() && !is_connected()` means
    /// that the dome is lost.
    #[must_use]
    pub fn should_be_connected(&self) -> bool {
        self.client.should_be_connected()
    }

    /// Waits until the dome is not connected any more, whoever ends the link.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_disconnected(&self) {
        self.client.wait_disconnected().await;
    }

    /// Closes the link; a command that is waiting for its reply fails. May be called again.
    ///
    /// # Cancel safety
    ///
    /// The link is closed even if the future is dropped.
    pub async fn close(&self) {
        self.client.close().await;
    }

    /// Waits until the connect callbacks have been told everything so far.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn callbacks_done(&self) {
        self.client.callbacks_done().await;
    }

    /// Writes a line and reads its reply, up to the prompt.
    async fn exchange(&self, line: &str) -> Result<Vec<String>, DomeError> {
        let connection = self.client.connection();
        let command = || line.to_owned();
        connection.write_str(line).await.map_err(|_| gone(&connection))?;
        match connection.read_until(PROMPT).await {
            Ok(reply) => reply::lines(&reply).ok_or_else(|| DomeError::MalformedReply { command: command() }),
            Err(ReadError::Timeout { .. }) => Err(DomeError::NoReply { command: command(), after: self.reply_timeout }),
            Err(ReadError::FrameTooLong { .. }) => Err(DomeError::MalformedReply { command: command() }),
            Err(_) => Err(gone(&connection)),
        }
    }
}

/// Why a connection cannot be used any more.
fn gone(connection: &Connection) -> DomeError {
    match connection.reason() {
        Some(DisconnectReason::Closed) => DomeError::Closed,
        Some(reason) => DomeError::Lost { reason },
        // The end of the stream has been read before the session has ended.
        None => DomeError::Lost { reason: DisconnectReason::ClosedByPeer },
    }
}

fn wrong_greeting(bytes: &[u8]) -> DomeError {
    let found = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
    DomeError::WrongGreeting { found }
}
