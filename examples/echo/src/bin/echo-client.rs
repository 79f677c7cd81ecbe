//! Asks port 8888 once, and prints what comes back.

use std::time::Duration;
use tcpip_client::{Client, RequestOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let device = Client::builder("127.0.0.1", 8888)
        .link()
        .requests(RequestOptions::new().reply_timeout(Duration::from_secs(2)))
        .connect()
        .await?;
    println!("{}", device.ask("hello").await?);
    device.close().await;
    Ok(())
}
