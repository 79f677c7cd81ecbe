//! The smallest server: it sends every line back.

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};

/// Sends every line back.
#[derive(Debug)]
pub struct Echo;

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        match connection.read_str().await {
            Ok(line) => connection.write_str(&line).await?,
            Err(error) if error.ends_session() => return Err(error.into()),
            Err(error) => tracing::warn!("passed over: {error}"),
        }
        Ok(())
    }
}
