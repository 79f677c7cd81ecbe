//! The dome, and what is said to it.

use std::time::Duration;

use tcpip_client::{Link, lines_before};
use tokio::time::{Instant, sleep};

use crate::{
    azimuth::Azimuth, command::Command, dome_builder::DomeBuilder, dome_error::DomeError, full_status::FullStatus,
    short_status::ShortStatus,
};

/// What ends every reply, where a line would begin.
const PROMPT: &[u8] = b">";

/// How near to its goal, in degrees, the dome counts as there.
const NEAR: f64 = 0.1;

/// The dome. Dropping it closes the connection.
///
/// Several tasks may use it at once: their commands wait for each other.
#[derive(Debug)]
pub struct Dome {
    link: Link,
    poll_interval: Duration,
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

    pub(crate) fn over(link: Link, poll_interval: Duration) -> Self {
        Self { link, poll_interval }
    }

    /// Sends one line, such as `280.00 MV`, and gives the lines of the reply.
    ///
    /// # Errors
    ///
    /// - [`DomeError::NotOneCommand`] when the line is blank or has a line end in it; nothing is sent;
    /// - [`DomeError::Request`] when there is no reply, or no connection. A reply that does not come in time ends the
    ///   session.
    ///
    /// # Cancel safety
    ///
    /// A command that is dropped after it was sent ends the session, since a reply is then on its way that belongs to
    /// nobody. The next session begins by itself.
    pub async fn send(&self, line: &str) -> Result<Vec<String>, DomeError> {
        if line.trim().is_empty() || line.contains(['\r', '\n']) {
            return Err(DomeError::NotOneCommand { line: line.to_owned() });
        }
        Ok(self.link.ask_for(line, lines_before(PROMPT)).await?)
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

    /// Returns the link to the dome, which says what it is at, and when the dome is there again.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Closes the link for good; a command that is waiting for its reply fails. May be called again.
    ///
    /// # Cancel safety
    ///
    /// The link is closed even if the future is dropped.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
