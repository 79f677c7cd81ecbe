//! Reads through a server whose handler reads.

use std::sync::Arc;

use macro_rules_attribute::apply;
use tcpip_server::{
    AnyServer, BytesMut, ClientOrServer, Connection, Decoder, HandlerResult, OneClientReadLoopServer, ReadAndDispatch,
    ReadError,
};

use crate::{dial::dial_in, over_both::over_both};
use tcpip_testkit::{ExpectExt, eventually};

/// Echoes: through whatever is a client or a server, by a type of its own.
struct Echo;

/// What a user's type that holds a server, or a connection, looks like.
struct Holds<T>(T);

impl<T: ClientOrServer> ClientOrServer for Holds<T> {
    fn connection(&self) -> Connection {
        self.0.connection()
    }
}

async fn read_any(link: &impl ClientOrServer) -> Result<String, ReadError> {
    link.read_str().await
}

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let one = connection.read_str().await?;
        let two = read_any(connection).await?;
        let three = read_any(&Holds(connection.clone())).await?;
        connection.write_str(&format!("{one} {two} {three}")).await?;
        Ok(())
    }
}

struct Nothing;

impl Decoder for Nothing {
    type Item = ();
    type Error = std::io::Error;

    fn decode(&mut self, _bytes: &mut BytesMut) -> Result<Option<()>, Self::Error> {
        Ok(Some(()))
    }
}

/// What each read through `link` comes to.
async fn each_read(link: &impl ClientOrServer) -> Vec<Option<ReadError>> {
    let from_io = |error: std::io::Error| {
        assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
        error.into_inner().and_then(|error| error.downcast().ok()).map(|error| *error)
    };
    eventually(async {
        vec![
            link.read(1).await.err(),
            link.read_to_end().await.err(),
            link.read_exact(1).await.err(),
            link.read_exact_with(1, |_| ()).await.err(),
            link.discard_input().await.err(),
            link.read_line().await.err(),
            link.read_until(b"\n").await.err(),
            link.read_str().await.err(),
            link.read_str_into(&mut String::new()).await.err(),
            link.read_json::<u8>().await.err(),
            link.read_struct::<u8>().await.err(),
            link.read_into(&mut 0_u8).await.err(),
            link.read_frame(&mut Nothing).await.err().and_then(from_io),
        ]
    })
    .await
}

/// No read through a read-loop server, or through what holds or lends one, takes a message from the handler: each is an
/// error at once, which does not end the session. The connection's own reads stay, and those of the handler.
#[apply(over_both)]
#[test_log::test(tokio::test)]
async fn a_read_through_a_server_takes_nothing_from_its_handler() {
    let server = Arc::new(OneClientReadLoopServer::builder(Echo).start().await.unwrap());
    assert!(matches!(server.read_str().await, Err(ReadError::NotConnected { .. })));
    let (mut client, session) = dial_in(&*server).await;
    let plain: &AnyServer = &server;
    let reads = [
        each_read(&*server).await,
        each_read(&server).await,
        each_read(plain).await,
        each_read(&Holds(Arc::clone(&server))).await,
    ];
    for error in reads.into_iter().flatten() {
        let error = error.expect("an error of the library");
        assert!(matches!(error, ReadError::HandlerReads) && !error.ends_session(), "{error:?}");
    }
    client.ask("1\r\n2\r\n3\r\n", "1 2 3\r\n").await;
    assert!(session.is_connected());
    eventually(server.stop_reading()).await;
    client.ask("4\r\n", "").await;
    assert_eq!(eventually(server.read_str()).await.unwrap(), "4");
    eventually(server.close_client()).await;
    assert!(matches!(server.read_str().await, Err(ReadError::NotConnected { .. })));
}
