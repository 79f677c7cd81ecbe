//! A handler that does what its client says.

use std::{
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::eventually;
use tokio::sync::{Notify, mpsc};

/// A handler that does what its client says, and notes what was done to it.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    greeting: &'static str,
    notes: Notes,
    /// What `wait` waits for.
    pub(crate) go: Notify,
    /// What `block` waits for without yielding: that the other end is dropped.
    pub(crate) gate: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    /// The server, for commands that close it, and the handle that keeps it, for one that drops it.
    server: Mutex<Weak<OneClientReadLoopServer<Scripted>>>,
    pub(crate) owner: Mutex<Option<ScriptedServer>>,
    /// What the hooks do, as commands: for each client one, or none.
    pub(crate) on_connect: Mutex<Vec<&'static str>>,
    pub(crate) on_disconnect: Mutex<Vec<&'static str>>,
}

#[derive(Debug)]
struct Notes {
    sender: mpsc::UnboundedSender<String>,
    receiver: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Default for Notes {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: receiver.into() }
    }
}

/// Notes when a handler's future goes, and how.
struct AtWork<'a> {
    notes: &'a Notes,
    done: bool,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.notes.sender.send("dropped".into());
        }
    }
}

impl Scripted {
    pub(crate) fn greeting(greeting: &'static str) -> Self {
        Self { greeting, ..Self::default() }
    }

    fn note(&self, what: impl Into<String>) {
        let _ = self.notes.sender.send(what.into());
    }

    pub(crate) async fn noted(&self) -> String {
        eventually(async { self.notes.receiver.lock().await.recv().await }).await.unwrap()
    }

    /// What was noted without a wait.
    pub(crate) fn noted_by_now(&self) -> Option<String> {
        self.notes.receiver.try_lock().unwrap().try_recv().ok()
    }

    pub(crate) async fn has_noted(&self, what: &[&str]) {
        for what in what {
            assert_eq!(self.noted().await, *what);
        }
    }

    fn block(&self) {
        if let Some(gate) = &*self.gate.lock().unwrap() {
            let _ = gate.recv();
        }
    }

    async fn obey(&self, command: &str, connection: &Connection) -> HandlerResult {
        let server = || self.server.lock().unwrap().upgrade().unwrap();
        match command {
            "" => {}
            "fail" => return Err("on purpose".into()),
            "panic" => panic!("on purpose"),
            "wait" => {
                let mut at_work = AtWork { notes: &self.notes, done: false };
                self.note("waiting");
                self.go.notified().await;
                at_work.done = true;
                connection.write_str("waited").await?;
            }
            "block" => {
                self.note("blocking");
                self.block();
            }
            "connection.close" => connection.close().await,
            "close_client" => server().close_client().await,
            "close" => server().close().await,
            "drop" => drop(self.owner.lock().unwrap().take()),
            "callbacks_done" => server().callbacks_done().await,
            other => connection.write_str(other).await?,
        }
        self.note(format!("{command} done"));
        // Whoever has closed its own session ends here.
        if command.contains("close") {
            tokio::task::yield_now().await;
            self.note("went on");
        }
        Ok(())
    }
}

impl ReadAndDispatch for Scripted {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        self.note("on_connect");
        if !self.greeting.is_empty() {
            connection.write(self.greeting.as_bytes()).await?;
        }
        let command = self.on_connect.lock().unwrap().pop();
        if let Some(command) = command {
            self.obey(command, connection).await?;
        }
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        self.obey(&command, connection).await
    }

    async fn on_disconnect(&self, connection: &Connection) {
        let command = self.on_disconnect.lock().unwrap().pop();
        if let Some(command) = command {
            let _ = self.obey(command, connection).await;
        }
        self.note("on_disconnect");
    }
}

pub(crate) type ScriptedServer = Arc<OneClientReadLoopServer<Scripted>>;

/// A server that its handler can reach. Its close deadline is far away, so that what waits for it is seen to wait.
pub(crate) async fn scripted(handler: Scripted) -> ScriptedServer {
    let builder = OneClientReadLoopServer::builder(handler).close_timeout(Duration::from_secs(20));
    let server = Arc::new(builder.start().await.unwrap());
    *server.handler().server.lock().unwrap() = Arc::downgrade(&server);
    server
}

/// What is far below the close deadline of these servers, and far above anything that does not wait for it.
const AT_ONCE: Duration = Duration::from_secs(10);

pub(crate) async fn at_once<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_ONCE, what).await.expect("this should not have waited")
}
