//! The smallest server: it sends every line back.

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};

/// Sends every line back.
#[derive(Debug)]
pub struct Echo;

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        connection.write_str(&line).await?;
        Ok(())
    }
}
