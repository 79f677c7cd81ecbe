//! What the echo server does with bytes that are no text.

use echo::Echo;
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::OneClientServerTestCase;

/// What Ctrl-C in telnet sends: interrupt process, and a timing mark, which is asked for.
const TELNET_CTRL_C: &[u8] = b"\xff\xf4\xff\xfd\x06";

/// A line with a stray byte, or with telnet's Ctrl-C, is passed over; the client keeps its connection and the lines
/// behind it come back.
#[test_log::test(tokio::test)]
async fn a_bad_line_is_passed_over() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Echo)).await.unwrap();
    for bad in [b"\xb0".as_slice(), TELNET_CTRL_C] {
        let client = case.create_client(&server, |client| client).await.unwrap();
        client.write(&[b"one\r\n", bad, b"\r\ntwo\r\n"].concat()).await.unwrap();
        assert_eq!(client.read_str().await.unwrap(), "one");
        assert_eq!(client.read_str().await.unwrap(), "two");
        client.close().await;
    }
}
