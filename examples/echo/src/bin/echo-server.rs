//! Serves [`Echo`] on port 8888, to one client after another.

use echo::Echo;
use tcpip_server::OneClientReadLoopServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let server = OneClientReadLoopServer::builder(Echo).port(8888).start().await?;
    println!("listening on {}:{}", server.host(), server.port());
    server.wait_closed().await;
    Ok(())
}
