//! Serves [`Echo`] on port 8888, to one client after another.

use echo::Echo;
use tcpip_server::OneClientReadLoopServer;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let server = OneClientReadLoopServer::builder(Echo).port(8888).start().await?;
    println!("listening on {}:{}", server.host(), server.port());
    server.wait_closed().await;
    Ok(())
}
