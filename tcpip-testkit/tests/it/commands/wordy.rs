//! A protocol of words, and its device by hand.

use std::{sync::Mutex, time::Duration};

use tcpip_client::{
    Batch, Client, Commands, Connection, DisconnectReason, HandlerError, HandlerResult, Kind as Frame, Phase, Protocol,
    ReadLoopClient, WriteError,
};
use tcpip_testkit::eventually;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, ReadHalf, WriteHalf, split};

use crate::kinds::Kind;

/// By what replies are told from each other.
pub(crate) trait Ids: Send + Sync + 'static {
    type Id: Clone + Eq + std::fmt::Debug + Send + Sync + 'static;

    fn id(number: u64) -> Self::Id;
    fn written(id: &Self::Id) -> String;
    /// The id of a line, and what is behind it; `None` if it has none.
    fn read(line: &str) -> Option<(Self::Id, &str)>;
}

/// A number before each line.
pub(super) struct Numbered;

impl Ids for Numbered {
    type Id = u64;

    fn id(number: u64) -> u64 {
        number
    }

    fn written(id: &u64) -> String {
        format!("{id} ")
    }

    fn read(line: &str) -> Option<(u64, &str)> {
        let (id, rest) = line.split_once(' ')?;
        Some((id.parse().ok()?, rest))
    }
}

/// The same, of four numbers.
pub(super) struct OfFour;

impl Ids for OfFour {
    type Id = u64;

    fn id(number: u64) -> u64 {
        number % 4
    }

    fn written(id: &u64) -> String {
        Numbered::written(id)
    }

    fn read(line: &str) -> Option<(u64, &str)> {
        Numbered::read(line)
    }
}

/// Nothing.
pub(crate) struct InOrder;

impl Ids for InOrder {
    type Id = ();

    fn id(_: u64) {}

    fn written((): &()) -> String {
        String::new()
    }

    fn read(line: &str) -> Option<((), &str)> {
        Some(((), line))
    }
}

/// Lines: `ack`, `ack 500` if the end comes within so many milliseconds, `done …`, `failed …`. All else is an event,
/// but for `panic`.
pub(crate) struct Wordy<I> {
    pub(super) events: Mutex<Vec<String>>,
    pub(super) late: Mutex<Vec<String>>,
    pub(super) greeting: Option<&'static str>,
    /// Its `on_disconnect` does not end.
    pub(super) lingers: bool,
    _ids: std::marker::PhantomData<I>,
}

impl<I> Wordy<I> {
    pub(crate) fn new() -> Self {
        Self {
            events: Mutex::default(),
            late: Mutex::default(),
            greeting: None,
            lingers: false,
            _ids: std::marker::PhantomData,
        }
    }
}

impl<I: Ids> Protocol for Wordy<I> {
    type Command = str;
    type Frame = String;
    type Id = I::Id;

    fn id(&self, number: u64) -> I::Id {
        I::id(number)
    }

    fn write(&self, id: &I::Id, command: &str, message: &mut Batch) -> Result<(), WriteError> {
        message.write_str(&format!("{}{command}", I::written(id))).map(drop)
    }

    async fn read(&self, connection: &Connection) -> Result<String, HandlerError> {
        Ok(connection.read_str().await?)
    }

    fn classify(&self, frame: &String) -> Frame<I::Id> {
        assert_ne!(frame, "panic");
        let Some((id, rest)) = I::read(frame) else { return Frame::Event };
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let phase = match word {
            "ack" => Phase::Interim(rest.parse().ok().map(Duration::from_millis)),
            "done" => Phase::Done,
            "failed" => Phase::Failed(rest.into()),
            _ => return Frame::Event,
        };
        Frame::Reply(id, phase)
    }

    fn event(&self, frame: String) {
        self.events.lock().unwrap().push(frame);
    }

    fn late(&self, id: I::Id, frame: String) {
        tracing::debug!("late: {id:?}");
        self.late.lock().unwrap().push(frame);
    }

    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        if let Some(greeting) = self.greeting {
            connection.write_str(greeting).await?;
            connection.read_str().await?;
        }
        Ok(())
    }

    async fn on_disconnect(&self, _connection: &Connection) {
        self.events.lock().unwrap().push("disconnected".to_owned());
        if self.lingers {
            std::future::pending::<()>().await;
        }
    }
}

/// The device, by hand.
pub(super) struct Far<S> {
    pub(super) lines: Lines<BufReader<ReadHalf<S>>>,
    pub(super) writer: WriteHalf<S>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite> Far<S> {
    pub(super) fn new(stream: S) -> Self {
        let (reader, writer) = split(stream);
        Self { lines: BufReader::new(reader).lines(), writer }
    }

    pub(super) async fn hears(&mut self) -> String {
        eventually(self.lines.next_line()).await.unwrap().expect("a command")
    }

    pub(super) async fn says(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    }
}

pub(super) type Meeting<I, K> = (ReadLoopClient<Commands<Wordy<I>>>, Far<<K as Kind>::Stream>);

pub(super) async fn meet<I: Ids, K: Kind>(commands: Commands<Wordy<I>>) -> Meeting<I, K> {
    let (near, far) = K::streams().await;
    let client = Client::from_stream(near).connect_with(commands).await.unwrap();
    (client, Far::new(far))
}

pub(super) fn commands<I: Ids>() -> Commands<Wordy<I>> {
    Commands::new(Wordy::new())
}

/// Waits until what the device has said is dispatched: it says one thing more.
pub(super) async fn heard<I: Ids, K: Kind>(client: &ReadLoopClient<Commands<Wordy<I>>>, far: &mut Far<K::Stream>) {
    let events = || client.handler().protocol().events.lock().unwrap().iter().filter(|event| *event == "heard").count();
    let before = events();
    far.says("heard").await;
    eventually(|| events() > before).await;
}

pub(super) fn is_out_of_step(connection: &Connection) -> bool {
    connection.reason() == Some(DisconnectReason::OutOfStep)
}
