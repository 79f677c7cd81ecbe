//! Sends one line to port 8888 and prints what comes back.

use std::time::Duration;
use tcpip_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let client = Client::builder("127.0.0.1", 8888).read_timeout(Duration::from_secs(5)).connect().await?;
    client.write_str("hello").await?;
    println!("{}", client.read_str().await?);
    client.close().await;
    Ok(())
}
