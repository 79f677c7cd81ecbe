//! What went over a link.

mod check;
mod difference;
pub(crate) mod log;
pub(crate) mod passing;
mod pcapng;
pub(crate) mod proxied;
mod record;
mod script;

use std::{
    fmt, fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tcpip_client::Direction;

use self::log::{Log, Passed};
pub use self::{
    check::{CheckError, TranscriptDiffers},
    record::Record,
};

/// How many chunks a [`Transcript`] keeps by default.
pub const DEFAULT_KEPT_CHUNKS: usize = 10_000;
/// How many bytes a [`Transcript`] keeps by default: 16 MiB.
pub const DEFAULT_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What went over a link: both directions of the sessions that are [recorded](Record) into it, with the times at the
/// wire, in memory.
///
/// Shown, it is a script, in the [language of scripts](crate::scripts#what-a-recorder-writes): the text can be kept,
/// edited, and played. Clones share what is recorded; dropping one does nothing.
///
/// Bytes come out of a socket when somebody reads: where nobody does, their time is that of the next read.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::Client;
/// use tcpip_testkit::{Record, TestOneClientReadLoopServer, Transcript};
///
/// let server = TestOneClientReadLoopServer::builder().options(|server| server.port(0)).start().await?;
/// let transcript = Transcript::new();
/// let client = Client::builder(server.host(), server.port()).record(&transcript).connect().await?;
/// client.write_str("status").await?;
/// client.close().await;
/// assert_eq!(transcript.sent(), b"status\r\n");
/// transcript.check("> \"status\" CR LF\n> close\n")?;
/// eprintln!("{transcript}"); // the same, and when
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transcript(Arc<Mutex<Log>>);

/// A chunk of a [`Transcript`]: what one call of the system, or one poll of a stream, has received or taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptChunk {
    /// Which session of the transcript it belongs to: they are counted from 0, in the order in which they began.
    pub session: usize,
    /// Which way it went, as the end that has recorded it sees that.
    pub direction: Direction,
    /// When it passed, since its session began.
    pub at: Duration,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Transcript {
    /// Returns an empty transcript, which keeps the last [`DEFAULT_KEPT_CHUNKS`] and [`DEFAULT_KEPT_BYTES`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Log::new())))
    }

    /// Keeps the last so many chunks, and so many bytes of them: what is older is dropped, and said to be. The
    /// beginning and the end of a session count as a chunk each. Default: [`DEFAULT_KEPT_CHUNKS`] and
    /// [`DEFAULT_KEPT_BYTES`].
    #[must_use]
    pub fn keep(self, chunks: usize, bytes: usize) -> Self {
        self.log().keep(chunks, bytes);
        self
    }

    /// Returns all that the end has sent that records; through a proxy, all that went to the server.
    #[must_use]
    pub fn sent(&self) -> Vec<u8> {
        self.bytes(Direction::Sent)
    }

    /// Returns all that the end has received that records; through a proxy, all that went to the client.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.bytes(Direction::Received)
    }

    fn bytes(&self, direction: Direction) -> Vec<u8> {
        self.chunks().into_iter().filter(|chunk| chunk.direction == direction).flat_map(|chunk| chunk.bytes).collect()
    }

    /// Returns the chunks, session by session, in the order in which they passed.
    #[must_use]
    pub fn chunks(&self) -> Vec<TranscriptChunk> {
        let mut chunks = Vec::new();
        for (session, log::Session { facts, entries }) in self.log().sessions().into_iter().enumerate() {
            chunks.extend(entries.into_iter().filter_map(|entry| match entry.passed {
                Passed::Bytes(bytes) => Some(TranscriptChunk {
                    session,
                    direction: if entry.by == facts.end { Direction::Sent } else { Direction::Received },
                    at: entry.at.saturating_duration_since(facts.began),
                    bytes,
                }),
                _ => None,
            }));
        }
        chunks
    }

    /// Returns the transcript as a script: a step for the chunks of one direction that follow each other within a
    /// millisecond, with `+` the time since the step before. Sessions follow one another, each but the first with a
    /// step `connect`. What was dropped is told in a comment, and so is that recording began late.
    #[must_use]
    pub fn to_script(&self) -> String {
        let log = self.log();
        script::write(&log.sessions(), log.missing())
    }

    /// Writes the [script](Self::to_script) into a file, in place of what is there. Folders that are missing are made.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::write`], with the path.
    pub fn write_to(&self, path: impl AsRef<Path>) -> io::Result<()> {
        write_file(path.as_ref(), self.to_script().as_bytes())
    }

    /// Writes a capture into a file, in place of what is there: pcapng, for Wireshark and its kind. Folders that are
    /// missing are made.
    ///
    /// The bytes, their times and the ports are the real ones; addresses, acknowledgements and sequence numbers are
    /// made up, and the times begin at zero. Ports that nobody knows, of streams in memory, are made up too. What is
    /// missing, since it was dropped or not recorded, is told in the comment of the capture.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::write`], with the path.
    pub fn write_pcapng(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (sessions, missing) = {
            let log = self.log();
            (log.sessions(), log.missing())
        };
        write_file(path.as_ref(), &pcapng::capture(&sessions, missing))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Nothing panics in the midst of a change.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn write_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    folder.and_then(|()| fs::write(path, contents)).map_err(named)
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

/// As [`to_script`](Transcript::to_script).
impl fmt::Display for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_script())
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Transcript").field(&self.to_script()).finish()
    }
}
