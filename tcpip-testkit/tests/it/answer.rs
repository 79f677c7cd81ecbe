//! A handler that most devices have.

use std::time::Duration;

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};
use tokio::time::sleep;

/// Answers each command after some thought.
pub(crate) struct Answer {
    pub(crate) thinking: Duration,
}

impl ReadAndDispatch for Answer {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        if !self.thinking.is_zero() {
            sleep(self.thinking).await;
        }
        connection.write_str(&format!("got {command}")).await?;
        Ok(())
    }
}
