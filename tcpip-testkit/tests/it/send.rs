//! Every future may be sent to another thread, and every type shared: checked when this compiles.

use serde_json::Value;
use tcpip_client::{Batch, Client, ClientBuilder, ClientOrServer, Connection, ConnectionEvent};
use tcpip_server::{OneClientReadLoopServer, OneClientServer, OneClientServerBuilder};
use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer, TestReadLoop};
use tokio_util::codec::BytesCodec;

fn send<T: Send>(value: T) -> T {
    value
}

fn send_and_sync<T: Send + Sync>() {}

/// A value that may not be shared: what is written as JSON is encoded before the future begins.
#[derive(serde::Serialize)]
struct NotSync(std::cell::Cell<u8>);

/// Each read.
macro_rules! reads {
    ($link:expr) => {
        drop(send($link.read(1)));
        drop(send($link.read_to_end()));
        drop(send($link.read_exact(1)));
        drop(send($link.read_line()));
        drop(send($link.read_until(b">")));
        drop(send($link.read_str()));
        drop(send($link.read_str_into(&mut String::new())));
        drop(send($link.read_json::<Value>()));
        drop(send($link.read_struct::<u8>()));
        drop(send($link.read_into(&mut 0u8)));
        drop(send($link.read_frame(&mut BytesCodec::new())));
        drop(send($link.read_exact_with(1, <[u8]>::len)));
        drop(send($link.discard_input()));
    };
}

/// Each write and wait.
macro_rules! writes {
    ($link:expr) => {
        drop(send($link.wait_connected()));
        drop(send($link.wait_disconnected()));
        drop(send($link.write(b"")));
        drop(send($link.write_lines(&[b""])));
        drop(send($link.write_str("")));
        drop(send($link.write_json(&NotSync(0.into()))));
        drop(send($link.write_from((&1u8, &[2u8]))));
        drop(send($link.batch().send()));
        drop(send($link.wait_hung_up()));
        drop(send($link.write_ahead(b"")));
        drop(send($link.shutdown_write()));
    };
}

fn futures_of_generic_code(link: &impl ClientOrServer) {
    reads!(link);
    writes!(link);
}

fn futures_of_all_that_reads_and_writes(server: &OneClientServer, read_loop: &TestOneClientReadLoopServer) {
    let client = Client::closed();
    reads!(client);
    writes!(client);
    reads!(client.connection());
    writes!(client.connection());
    reads!(server);
    writes!(server);
    writes!(read_loop);
}

fn futures_of_a_server(server: &OneClientServer) {
    drop(send(server.wait_connected()));
    drop(send(server.close_client()));
    drop(send(server.basic_close_client()));
    drop(send(server.close()));
    drop(send(server.basic_close()));
    drop(send(server.wait_closed()));
    drop(send(server.callbacks_done()));
}

/// The futures of every public method are `Send`, the types `Send` and `Sync`.
#[tokio::test]
async fn futures_are_send() {
    send_and_sync::<(Batch, Client, ClientBuilder, Connection, ConnectionEvent)>();
    send_and_sync::<(OneClientServer, OneClientReadLoopServer<TestReadLoop>, OneClientServerBuilder)>();
    send_and_sync::<(OneClientServerTestCase, TestOneClientReadLoopServer)>();
    let client = Client::closed();
    futures_of_generic_code(&client);
    drop(send(Client::builder("", 0).connect()));
    drop(send(client.close()));
    drop(send(client.basic_close()));
    drop(send(client.wait_closed()));
    drop(send(client.callbacks_done()));
    drop(send(Connection::closed().callbacks_done()));
    drop(send(OneClientServer::builder().start()));
    futures_of_a_server(&OneClientServer::builder().start().await.unwrap());
    let read_loop = TestOneClientReadLoopServer::builder().start().await.unwrap();
    drop(send(read_loop.stop_reading()));
    futures_of_all_that_reads_and_writes(&OneClientServer::builder().start().await.unwrap(), &read_loop);
    drop(send(TestOneClientReadLoopServer::builder().start()));
}
