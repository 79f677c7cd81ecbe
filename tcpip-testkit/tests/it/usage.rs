//! What users write, as they write it.

use std::error::Error;

use serde::{Deserialize, Serialize};
use tcpip_client::{Client, Encoding, HandlerError, Terminator, WriteError};
use tcpip_server::{ClientOrServer, OneClientServer};
use tcpip_testkit::{OneClientServerTestCase, TestOneClientReadLoopServer};
use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, I64},
};

/// A hang-up by the server reaches both callbacks and leaves the client "lost".
/// Parity: `BaseOneClientServerTestCase`, `create_server`, `create_client`, `connect_callback`,
/// `assert_next_connected`, `close_client`.
#[test_log::test(tokio::test)]
async fn the_client_is_told_when_the_server_hangs_up() {
    let case = OneClientServerTestCase::new();
    let server =
        case.create_server(OneClientServer::builder().connect_callback(case.connect_callback())).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    case.assert_next_connected(true).await;
    server.close_client().await;
    case.assert_next_connected(false).await;
    client.wait_disconnected().await;
    assert!(client.should_be_connected() && !server.should_be_connected());
}

/// A handler's error ends the session, after what was read before it.
/// Parity: `TestOneClientReadLoopServer`, `fail_next_read`, `get_next_data`.
#[test_log::test(tokio::test)]
async fn a_failing_read_ends_the_session() {
    let case = OneClientServerTestCase::new();
    let server = case
        .create_server(TestOneClientReadLoopServer::builder().connect_callback(case.connect_callback()))
        .await
        .unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.write_str("one").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    server.fail_next_read();
    client.write_str("two").await.unwrap();
    case.assert_next_connected(true).await;
    case.assert_next_connected(false).await;
}

async fn check_read_write(reader: &impl ClientOrServer, writer: &impl ClientOrServer) -> Result<(), Box<dyn Error>> {
    writer.write_str("some data").await?;
    assert_eq!(reader.read_str().await?, "some data");
    Ok(())
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Debug, PartialEq, Clone, Copy)]
#[repr(C)]
struct TrivialStruct {
    a_double: F64,
    three_ints: [I64; 3],
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Telemetry {
    az: f64,
    name: String,
}

/// Strings, JSON and structs cross one connection in both directions, through the same generic code.
#[test_log::test(tokio::test)]
async fn strings_json_and_structs_share_a_connection() -> Result<(), Box<dyn Error>> {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder()).await?;
    let client = case.create_client(&server, |client| client).await?;
    check_read_write(&client, &server).await?;
    check_read_write(&server, &client).await?;
    check_read_write(&server.connection(), &client.connection()).await?;

    let data = TrivialStruct { a_double: 1.5.into(), three_ints: [1.into(), 2.into(), (-3).into()] };
    client.write_from(&data).await?;
    client.write_from((&data, &data.three_ints)).await?;
    assert_eq!(server.read_struct::<TrivialStruct>().await?, data);
    let mut copy = TrivialStruct { a_double: 0.0.into(), three_ints: [I64::ZERO; 3] };
    server.read_into(&mut copy).await?;
    assert_eq!(copy, data);
    assert_eq!(server.read_struct::<[I64; 3]>().await?, data.three_ints);

    let telemetry = Telemetry { az: 1.5, name: "é".to_owned() };
    client.write_json(&telemetry).await?;
    assert_eq!(server.read_json::<Telemetry>().await?, telemetry);
    Ok(())
}

async fn in_boxed(link: &Client) -> Result<(), Box<dyn Error>> {
    link.set_terminator(Terminator::new("utf-8".parse::<Encoding>()?.label())?)?;
    link.write_str("").await?;
    link.read_str().await?;
    Client::builder("", 0).connect().await?;
    OneClientServer::builder().start().await?;
    Ok(())
}

async fn in_io(link: &Client) -> std::io::Result<()> {
    link.set_terminator(Terminator::new("utf-8".parse::<Encoding>()?.label())?)?;
    link.write_str("").await?;
    link.read_str().await?;
    Client::builder("", 0).connect().await?;
    OneClientServer::builder().start().await?;
    Ok(())
}

async fn in_own(link: &Client) -> tcpip_client::Result<()> {
    link.set_terminator(Terminator::new("utf-8".parse::<Encoding>()?.label())?)?;
    link.write_str("").await?;
    link.read_str().await?;
    Client::builder("", 0).connect().await?;
    OneClientServer::builder().start().await?;
    Ok(())
}

/// `?` works on every error of the library in functions with each of the usual error types.
#[test_log::test(tokio::test)]
async fn the_question_mark_works_in_all_kinds_of_functions() {
    let link = Client::closed();
    assert!(in_boxed(&link).await.unwrap_err().downcast_ref::<WriteError>().is_some());
    assert_eq!(in_io(&link).await.unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    assert!(matches!(in_own(&link).await.unwrap_err(), tcpip_client::Error::Write(WriteError::NotConnected { .. })));
}

/// A batch is one expression where its parts are known, and has a name where they are not; its future may be given to a
/// task. What has been sent is not sent again.
#[test_log::test(tokio::test)]
async fn a_batch_is_sent_in_one_expression_or_in_several() {
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientServer::builder().terminator(b"\n")).await.unwrap();
    let client = case.create_client(&server, |client| client).await.unwrap();
    client.batch().write_str("one").unwrap().write(b">").send().await.unwrap();
    assert_eq!(server.read_until(b">").await.unwrap(), b"one\r\n>");

    let mut reply = client.batch();
    reply.write_str("two").unwrap();
    reply.write(b">");
    tokio::spawn(reply.send()).await.unwrap().unwrap();
    assert_eq!(server.read_until(b">").await.unwrap(), b"two\r\n>");

    reply.send().await.unwrap();
    reply.write(b"three>").send().await.unwrap();
    assert_eq!(server.read_until(b">").await.unwrap(), b"three>");
}

fn fails_with<E: Into<HandlerError>>(error: E) -> String {
    error.into().to_string()
}

/// Whatever is an error, or a text, or a box of an error that may go to another thread, is one of a handler.
#[test]
fn a_handler_fails_with_any_error() {
    assert_eq!(fails_with("no such command"), "no such command");
    assert_eq!(fails_with("no such command".to_owned()), "no such command");
    assert_eq!(fails_with(std::borrow::Cow::Borrowed("no such command")), "no such command");
    assert_eq!(fails_with(std::io::Error::other("full")), "full");
    assert_eq!(fails_with(WriteError::WriteHalfEnded), "this end has ended its half of the stream");
    assert_eq!(fails_with("1,5".parse::<f64>().unwrap_err()), "invalid float literal");
    assert_eq!(fails_with(Box::<dyn Error + Send + Sync>::from("boxed")), "boxed");
    assert_eq!(fails_with(Box::new(WriteError::WriteHalfEnded)), "this end has ended its half of the stream");
}
