use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::STD_TIMEOUT;

struct Axis;

impl ReadAndDispatch for Axis {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        if connection.read_str().await? == "POS?" {
            connection.write_str("12.5").await?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = OneClientReadLoopServer::builder(Axis).write_timeout(STD_TIMEOUT).start().await?;
    println!("listening on {}:{}", server.host(), server.port());
    server.wait_closed().await;
    Ok(())
}
