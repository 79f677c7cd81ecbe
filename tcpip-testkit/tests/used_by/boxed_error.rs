use std::error::Error;

use tcpip_server::{Connection, HandlerResult, ReadAndDispatch};

pub struct Axis;

fn parsed(line: &str) -> Result<f64, Box<dyn Error>> {
    Ok(line.parse()?)
}

impl ReadAndDispatch for Axis {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let goal = parsed(&connection.read_str().await?)?;
        connection.write_str(&format!("to {goal}")).await?;
        Ok(())
    }
}
