use tcpip_server::{OneClientServer, StartError};

pub async fn start() -> Result<(), StartError> {
    let server = OneClientServer::builder().terminator("\n").start().await?;
    server.wait_closed().await;
    Ok(())
}
