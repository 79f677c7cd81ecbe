//! Clients and servers are read from, written to and asked without a trait, as long as no handler reads.

use tcpip_client::{Client, Connection, HandlerResult, ReadAndDispatch, ReadLoopClient};
use tcpip_server::{OneClientReadLoopServer, OneClientServer};
use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer, eventually};
use tokio_util::codec::BytesCodec;

/// Checks each write of `$from` and each read of `$to`, none of which is a trait's: none is in scope here.
macro_rules! check_reads_and_writes {
    ($from:expr, $to:expr) => {
        check_writes!($from, $to.connection());
        let (from, to) = (&$from, &$to);
        from.write(b"1234567\n89\n").await.unwrap();
        assert_eq!(to.read(1).await.unwrap(), b"1");
        assert_eq!(to.read_exact(2).await.unwrap(), b"23");
        assert_eq!(*to.read_turn().await.unwrap().connection(), to.connection());
        assert_eq!(to.read_exact_with(1, |bytes| bytes[0]).await.unwrap(), b'4');
        assert_eq!(to.read_struct::<[u8; 1]>().await.unwrap(), *b"5");
        let mut six = [0];
        to.read_into(&mut six).await.unwrap();
        assert_eq!(six, *b"6");
        assert_eq!(to.read_line().await.unwrap(), b"7\n");
        assert_eq!(to.read_until(b"9").await.unwrap(), b"89");
        assert_eq!(to.unread(), 1);
        assert_eq!(to.discard_input().await.unwrap(), 1);
        from.write_lines(&["one\r\n", "two\r\n", "[3]\r\n", "four"]).await.unwrap();
        assert_eq!(to.read_str().await.unwrap(), "one");
        let mut text = String::new();
        to.read_str_into(&mut text).await.unwrap();
        assert_eq!(text, "two");
        assert_eq!(to.read_json::<[u8; 1]>().await.unwrap(), [3]);
        assert_eq!(to.read_frame(&mut BytesCodec::new()).await.unwrap(), b"four"[..]);
        from.shutdown_write().await.unwrap();
        assert_eq!(to.read_to_end().await.unwrap(), b"");
    };
}

/// Checks each write of `$from` but the end of its half, and its states.
macro_rules! check_writes {
    ($from:expr, $to:expr) => {
        let (from, to) = (&$from, $to);
        assert!(from.is_connected() && from.should_be_connected() && !from.has_hung_up());
        assert_eq!(from.wait_connected().await, Some(from.connection()));
        from.write(b"1").await.unwrap();
        from.write_ahead(b"2").await.unwrap();
        from.write_lines(&[b"3", b"4"]).await.unwrap();
        from.write_from((b"5", b"67")).await.unwrap();
        from.write_str("8").await.unwrap();
        from.write_json(&[9]).await.unwrap();
        from.batch().write(b"end\n").send().await.unwrap();
        assert_eq!(to.read_until(b"\n").await.unwrap(), b"12345678\r\n");
        assert_eq!(to.read_until(b"\n").await.unwrap(), b"[9]\r\n");
        assert_eq!(to.read_until(b"\n").await.unwrap(), b"end\n");
        assert_eq!((from.stats().messages_sent, from.reason()), (7, None));
    };
}

/// A client and a server without a handler read and write, and tell their states.
#[test_log::test(tokio::test)]
async fn a_client_and_a_server_read_and_write_without_a_trait() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    eventually(async {
        check_reads_and_writes!(client, server);
        assert!(server.wait_hung_up().await);
        server.wait_disconnected().await;
        assert!(server.reason().is_some());
        let client = case.create_client(&server, |client| client).await.unwrap();
        check_reads_and_writes!(server, client);
        assert!(client.wait_hung_up().await);
        client.wait_disconnected().await;
        assert!(client.reason().is_some());
    })
    .await;
}

/// Leaves all reading to others, but is a handler.
struct Idle;

impl ReadAndDispatch for Idle {
    async fn read_and_dispatch(&self, _connection: &Connection) -> HandlerResult {
        std::future::pending().await
    }
}

/// A client and a server whose handler reads write without a trait, and tell their states.
#[test_log::test(tokio::test)]
async fn a_client_and_a_server_with_a_handler_write_without_a_trait() {
    let server = OneClientReadLoopServer::builder(Idle).start().await.unwrap();
    let client = Client::builder(server.host(), server.port()).connect_with(Idle).await.unwrap();
    eventually(async {
        let session = server.wait_connected().await.unwrap();
        check_writes!(client, &session);
        check_writes!(server, client.connection());
        client.shutdown_write().await.unwrap();
        assert!(server.wait_hung_up().await);
        server.shutdown_write().await.unwrap();
        assert!(client.wait_hung_up().await);
        server.close_client().await;
        server.wait_disconnected().await;
        client.close().await;
        client.wait_disconnected().await;
        assert!(client.reason().is_some());
    })
    .await;
}

/// What a type has of these names that has no method of its own.
struct Absent;

/// As methods of a trait, these come after a type's own: with these, each call below would be another, and not compile.
trait Reads {
    fn read_turn(&self) -> Absent {
        Absent
    }
    fn unread(&self) -> Absent {
        Absent
    }
    fn read(&self) -> Absent {
        Absent
    }
    fn read_to_end(&self) -> Absent {
        Absent
    }
    fn read_exact(&self) -> Absent {
        Absent
    }
    fn read_exact_with(&self) -> Absent {
        Absent
    }
    fn discard_input(&self) -> Absent {
        Absent
    }
    fn read_line(&self) -> Absent {
        Absent
    }
    fn read_until(&self) -> Absent {
        Absent
    }
    fn read_str(&self) -> Absent {
        Absent
    }
    fn read_str_into(&self) -> Absent {
        Absent
    }
    fn read_json(&self) -> Absent {
        Absent
    }
    fn read_struct(&self) -> Absent {
        Absent
    }
    fn read_into(&self) -> Absent {
        Absent
    }
    fn read_frame(&self) -> Absent {
        Absent
    }
}

impl<T> Reads for T {}

/// Compiles where `$link` has no read of its own.
macro_rules! has_no_reads {
    ($link:expr) => {
        let _: [Absent; 15] = [
            $link.read_turn(),
            $link.unread(),
            $link.read(),
            $link.read_to_end(),
            $link.read_exact(),
            $link.read_exact_with(),
            $link.discard_input(),
            $link.read_line(),
            $link.read_until(),
            $link.read_str(),
            $link.read_str_into(),
            $link.read_json(),
            $link.read_struct(),
            $link.read_into(),
            $link.read_frame(),
        ];
    };
}

/// What a client or a server whose handler reads lends has no reads either, nor does that in turn lend any: checked
/// when this compiles.
#[expect(dead_code, reason = "it compiles")]
fn reads_are_the_handlers(
    client: &ReadLoopClient<Idle>,
    server: &OneClientReadLoopServer<Idle>,
    test_server: &TestOneClientReadLoopServer,
) {
    has_no_reads!(client);
    has_no_reads!((**client));
    has_no_reads!(server);
    has_no_reads!((**server));
    has_no_reads!(test_server);
    has_no_reads!((**test_server));
}
