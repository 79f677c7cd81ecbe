//! What every server must stand, whatever its protocol is.

mod apart;
mod check;
mod compared;
mod error;
mod garbage;
mod heard;
mod panics;
mod scenario;
mod session;

use std::{fmt, time::Duration};

use tcpip_server::ServerBuilder;

use self::compared::Compared;
pub use self::{
    error::{ConformanceError, ConformanceFailure, ConformanceProblem},
    heard::Heard,
};

/// How long a reply is listened for by default, on a clock that is paused: 10 s.
pub const DEFAULT_LISTEN_TIME: Duration = Duration::from_secs(10);
/// How long one scenario may take by default, on the clock of the machine: 10 s.
pub const DEFAULT_STUCK_TIME: Duration = Duration::from_secs(10);

/// Puts a server through what every server must stand, whatever its protocol is. `server` makes it anew for each
/// scenario: a builder that has not been started.
///
/// | scenario | is passed if |
/// |---|---|
/// | each command, cut at each byte, and sent byte by byte | the reply is that to the uncut command |
/// | each two commands in one segment | the replies are those to the same commands in two |
/// | each command with the beginning of the next, cut at each byte of that | the same |
/// | a client that leaves, by hanging up and by a reset, behind each byte of each command | the next is served |
/// | a client that says nothing, one that sends garbage, one that does not read | the next is served |
/// | a second client while the first is there | one of them is served, and later the next |
///
/// None may panic, on the thread of the server, be it caught or not, and none may take longer than
/// [`stuck_after`](Conformance::stuck_after). A client is served if, to the commands, it gets anything at all. Where no
/// command has a reply, that is a failure, unless one ends the session, or the run is
/// [`without_replies`](Conformance::without_replies): then a client is served if it is connected.
///
/// All this happens in a [`MemoryNetwork`](crate::MemoryNetwork) of its own, on a thread and in a runtime of its own
/// whose clock is paused: it takes no time, and does not disturb the test that runs it. So the builder must not have
/// a `network` or a `listener` already. Replies are compared with their times: what the server sends by itself is no
/// difference, if it does so in each run at the same time; for what differs by nature, such as time stamps, there is
/// [`comparing`](Conformance::comparing). Warnings that the server logs go to the global subscriber.
/// To see panics, a hook is put before the one of the process, once.
///
/// Dropping it does nothing.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
/// use tcpip_testkit::conformance;
///
/// struct Echo;
///
/// impl ReadAndDispatch for Echo {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         let line = connection.read_str().await?;
///         Ok(connection.write_str(&line).await?)
///     }
/// }
///
/// conformance(|| OneClientReadLoopServer::builder(Echo)).commands(["one\r\n", "two\r\n"]).seed(7).run().await?;
/// # Ok(())
/// # }
/// ```
pub fn conformance<M, B>(server: M) -> Conformance<M>
where
    M: Fn() -> B + Send + 'static,
    B: ServerBuilder,
{
    Conformance {
        server,
        settings: Settings {
            commands: Vec::new(),
            seed: 0,
            listen_time: DEFAULT_LISTEN_TIME,
            stuck_time: DEFAULT_STUCK_TIME,
            compared: Compared::default(),
            has_replies: true,
        },
    }
}

/// What a server is put through. Made by [`conformance`].
#[must_use = "nothing is done until it is run"]
pub struct Conformance<M> {
    server: M,
    settings: Settings,
}

#[derive(Debug)]
struct Settings {
    commands: Vec<Vec<u8>>,
    seed: u64,
    listen_time: Duration,
    stuck_time: Duration,
    compared: Compared,
    has_replies: bool,
}

impl<M, B> Conformance<M>
where
    M: Fn() -> B + Send + 'static,
    B: ServerBuilder,
{
    /// Adds commands that the server understands, as they go over the wire, with their terminators. At least one is
    /// needed; an empty one is none.
    pub fn commands(mut self, commands: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let commands = commands.into_iter().map(|command| command.as_ref().to_vec());
        self.settings.commands.extend(commands.filter(|command| !command.is_empty()));
        self
    }

    /// Sets what the garbage is drawn from. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets for how long a greeting and a reply are listened for, and nothing of it is missed: longer than the server
    /// takes. It is of the paused clock, and so costs nothing but what the server does meanwhile. Default:
    /// [`DEFAULT_LISTEN_TIME`].
    ///
    /// For a device that talks by itself, such as one with telemetry, set **less than half of the time between two
    /// such messages**: those that come with the connection then count as its greeting, and nothing but the reply is
    /// heard behind a command. With a longer time, telemetry passes for a reply: a client is taken for served that only
    /// gets telemetry. And each scenario costs all that is sent meanwhile: 10 s of a message in each millisecond are
    /// 10 000 of them, and of more than a mebibyte the rest is not heard. Where the device needs more time for a reply
    /// than that, or sends what it sends by a clock that does not begin with the connection, have
    /// [`comparing`](Self::comparing) leave it out.
    pub fn listen_time(mut self, time: Duration) -> Self {
        self.settings.listen_time = time;
        self
    }

    /// Has each reply be compared by what `map` makes of it: without what differs by nature, such as time stamps,
    /// counters and random numbers, or telemetry that comes between.
    ///
    /// `map` is given all that was heard behind the greeting, at least one byte: where several commands were sent, the
    /// replies to all of them. If it returns nothing, there was no reply. Failures show what was compared. Default:
    /// replies are compared as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
    /// use tcpip_testkit::conformance;
    ///
    /// /// Numbers its replies, also from one server to the next.
    /// struct NumberedEcho;
    ///
    /// impl ReadAndDispatch for NumberedEcho {
    ///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
    ///         static REPLIES: AtomicU32 = AtomicU32::new(0);
    ///         let line = connection.read_str().await?;
    ///         let number = REPLIES.fetch_add(1, Ordering::Relaxed);
    ///         Ok(connection.write_str(&format!("{number} {line}")).await?)
    ///     }
    /// }
    ///
    /// conformance(|| OneClientReadLoopServer::builder(NumberedEcho))
    ///     .commands(["one\r\n", "two\r\n"])
    ///     .comparing(|reply| reply.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect())
    ///     .run()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn comparing(mut self, map: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        self.settings.compared = Compared::by(map);
        self
    }

    /// The server has no replies, or none that are compared: a client is served then if it is connected. Default: at
    /// least one of the commands has a reply, or ends the session.
    pub fn without_replies(mut self) -> Self {
        self.settings.has_replies = false;
        self
    }

    /// Sets how long one scenario may take on the clock of the machine, until the server counts as stuck: its thread is
    /// then left alone. Default: [`DEFAULT_STUCK_TIME`].
    pub fn stuck_after(mut self, time: Duration) -> Self {
        self.settings.stuck_time = time;
        self
    }

    /// Runs all scenarios. Of those of one kind none is run behind one that is not passed.
    ///
    /// # Errors
    ///
    /// [`ConformanceError::Failed`] with what is not passed; [`ConformanceError::NoCommands`],
    /// [`ConformanceError::Start`] and [`ConformanceError::Runtime`] if there is nothing to run.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the scenarios run on in the background.
    ///
    /// # Panics
    ///
    /// With what `server` or the closure of [`comparing`](Self::comparing) panics with, and outside of a runtime of
    /// tokio.
    pub async fn run(self) -> Result<(), ConformanceError> {
        if self.settings.commands.is_empty() {
            return Err(ConformanceError::NoCommands);
        }
        apart::run(self.server, self.settings).await
    }
}

impl<M> fmt::Debug for Conformance<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Conformance").field("settings", &self.settings).finish_non_exhaustive()
    }
}
