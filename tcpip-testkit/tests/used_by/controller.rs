use std::time::Duration;

use tcpip_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    let client = Client::builder("127.0.0.1", port).read_timeout(Duration::from_secs(10)).connect().await?;
    client.write_str("POS?").await?;
    println!("at {}", client.read_str().await?);
    client.close().await;
    Ok(())
}
