//! The echo server answers what it is told.

use echo::Echo;
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::OneClientServerTestCase;

/// Each line comes back, in order.
#[test_log::test(tokio::test)]
async fn every_line_comes_back() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Echo)).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write_str("one").await.unwrap();
    client.write_str("zwölf").await.unwrap();
    assert_eq!(client.read_str().await.unwrap(), "one");
    assert_eq!(client.read_str().await.unwrap(), "zwölf");
}
