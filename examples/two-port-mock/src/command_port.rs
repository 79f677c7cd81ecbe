//! The port for commands, as a server's handler.

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};
use tokio::{select, time::sleep};

use crate::{
    MockMirror,
    actuator::Actuator,
    messages::{Command, Reply, Request, Word},
};

/// What a server needs to be the port for commands. Made by [`MockMirror::command_server`].
#[derive(Debug)]
pub struct CommandPort(MockMirror);

impl CommandPort {
    pub(crate) fn new(mirror: MockMirror) -> Self {
        Self(mirror)
    }
}

impl ReadAndDispatch for CommandPort {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        match connection.read_json().await {
            Ok(Request { id, command: Some(command) }) => {
                let (link, mirror) = (connection.clone(), self.0.clone());
                connection.spawn(async move {
                    let replier = Replier { connection: link, id };
                    let end = carry_out(&mirror, &replier, command).await;
                    mirror.released().await;
                    replier.reply(end.unwrap_or_else(|reason| Word::Fail { reason })).await;
                });
            }
            Ok(Request { id, command: None }) => {
                let reason = "this is no command".to_owned();
                connection.write_json(&Reply { id, word: Word::Fail { reason } }).await?;
            }
            Err(error) if error.ends_session() => return Err(error.into()),
            Err(error) => tracing::warn!("passed over: {error}"),
        }
        Ok(())
    }
}

/// Who a command came from.
struct Replier {
    connection: Connection,
    id: u64,
}

impl Replier {
    async fn reply(&self, word: Word) {
        // The client may be gone.
        let _ = self.connection.write_json(&Reply { id: self.id, word }).await;
    }
}

/// Acknowledges a command, and does it.
async fn carry_out(mirror: &MockMirror, replier: &Replier, command: Command) -> Result<Word, String> {
    match command {
        Command::Move { actuator, position } => {
            let begun = mirror.with(actuator, |actuator| actuator.begin(position, mirror.speed)).flatten();
            let seconds = begun.as_ref().ok().map(|(takes, _)| takes.as_secs_f64());
            replier.reply(Word::Ack { seconds }).await;
            let (takes, stopped) = begun?;
            select! {
                biased;
                Ok(at) = stopped => Err(format!("it was stopped at {at}")),
                () = sleep(takes) => Ok(Word::Success { position }),
            }
        }
        Command::Stop { actuator } => {
            replier.reply(Word::Ack { seconds: None }).await;
            let position = mirror.with(actuator, Actuator::stop)?;
            Ok(Word::Success { position })
        }
    }
}
