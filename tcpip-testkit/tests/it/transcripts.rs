//! What passes over a link is recorded, and is a script.

use std::time::Duration;

use tcpip_client::{Client, Direction};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, OneClientServer, ReadAndDispatch};
use tcpip_testkit::{
    CheckError, FaultProxy, MemoryNetwork, OneClientServerTestCase, Record, Script, TestOneClientReadLoopServer,
    Transcript, TranscriptChunk, eventually, faults,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{advance, sleep},
};

use Direction::{Received, Sent};

/// A client in memory whose session is recorded, and the other end.
async fn recorded(transcript: &Transcript) -> (Client, DuplexStream) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    (Client::from_stream(near).record(transcript).connect().await.unwrap(), far)
}

/// A dome that greets, and answers after three milliseconds.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_transcript_is_a_script() {
    let transcript = Transcript::new();
    let (client, mut dome) = recorded(&transcript).await;
    dome.write_all(b"ACE Main Box\n>").await.unwrap();
    client.read_until(b">").await.unwrap();
    client.write(b"?\r\n").await.unwrap();
    sleep(Duration::from_millis(3)).await;
    dome.write_all(b"MAIN CLOSED\n").await.unwrap();
    client.read_line().await.unwrap();
    advance(Duration::from_micros(900)).await;
    dome.write_all(b"POSN 285.00\n>").await.unwrap();
    client.read_until(b">").await.unwrap();
    client.shutdown_write().await.unwrap();
    advance(Duration::from_millis(61_500)).await;
    dome.write_all(b"\x02\0\xff\x01").await.unwrap();
    client.read_exact(4).await.unwrap();
    drop(dome);
    eventually(client.wait_disconnected()).await;
    client.close().await;
    let expected = r#"script 1
< "ACE Main Box" LF
  ">"
> "?" CR LF
+3ms < "MAIN CLOSED" LF
  "POSN 285.00" LF
  ">"
> fin
+61.5s < x"02 00 ff 01"
< fin
> close
"#;
    assert_eq!(transcript.to_script(), expected);
    assert_eq!(transcript.to_string(), expected);
    assert_eq!(transcript.sent(), b"?\r\n");
    assert_eq!(transcript.received(), b"ACE Main Box\n>MAIN CLOSED\nPOSN 285.00\n>\x02\0\xff\x01");
}

/// Chunks are one step while less than a millisecond is between them, and nothing that the other side does.
#[test_log::test(tokio::test(start_paused = true))]
async fn steps_are_what_belongs_together() {
    let transcript = Transcript::new();
    let (client, mut far) = recorded(&transcript).await;
    for (pause, text) in [(0, "a"), (999, "b"), (999, "c"), (1000, "d"), (12_034, "e")] {
        advance(Duration::from_micros(pause)).await;
        far.write_all(text.as_bytes()).await.unwrap();
        client.read_exact(1).await.unwrap();
    }
    client.write(b"x").await.unwrap();
    client.write(b"y").await.unwrap();
    far.write_all(b"f").await.unwrap();
    client.read_exact(1).await.unwrap();
    client.write(b"z").await.unwrap();
    client.abort();
    eventually(client.connection().wait_closed()).await;
    assert_eq!(
        transcript.to_script(),
        "script 1\n< \"abc\"\n+1ms < \"d\"\n+12.034ms < \"e\"\n> \"xy\"\n< \"f\"\n> \"z\"\n> reset\n"
    );
    let chunk = |direction, at, bytes: &[u8]| (direction, Duration::from_micros(at), bytes.to_vec());
    let chunks =
        transcript.chunks().into_iter().map(|TranscriptChunk { direction, at, bytes, .. }| (direction, at, bytes));
    let chunks: Vec<_> = chunks.collect();
    assert_eq!(chunks[1..3], [chunk(Received, 999, b"b"), chunk(Received, 1998, b"c")]);
    assert_eq!(chunks[5], chunk(Sent, 15_032, b"x"));
}

struct Echo;

impl ReadAndDispatch for Echo {
    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let line = connection.read_str().await?;
        Ok(connection.write_str(&line).await?)
    }
}

/// A script without its times.
fn timeless(transcript: &Transcript) -> String {
    let without = |line: &str| match line.split_once(' ') {
        Some((pause, step)) if pause.starts_with('+') => format!("{step}\n"),
        _ => format!("{line}\n"),
    };
    transcript.to_script().lines().map(without).collect()
}

/// Both ends record the same, over sockets, whatever their builders are.
#[test_log::test(tokio::test)]
async fn both_ends_record_the_same() {
    let case = OneClientServerTestCase::new();
    let [there, here] = [(); 2].map(|()| Transcript::new());
    let server = case.create_server(OneClientReadLoopServer::builder(Echo).record(&there)).await.unwrap();
    let client = case.create_client(&server, |client| client.record(&here)).await.unwrap();
    for line in ["one", "two", "three"] {
        client.write_str(line).await.unwrap();
        assert_eq!(eventually(client.read_str()).await.unwrap(), line);
    }
    client.close().await;
    eventually(server.wait_disconnected()).await;
    server.close().await;
    let lines = r#"script 1
> "one" CR LF
< "one" CR LF
> "two" CR LF
< "two" CR LF
> "three" CR LF
< "three" CR LF
"#;
    assert_eq!(timeless(&here), format!("{lines}> close\n"));
    assert_eq!(timeless(&there), format!("{lines}> fin\n< close\n"));
    assert_eq!((here.sent(), here.received()), (there.received(), there.sent()));
}

/// The builders of all kinds of clients and servers record; a link does so each time that it comes back.
#[test_log::test(tokio::test(start_paused = true))]
async fn every_builder_records() {
    let transcripts = [(); 4].map(|()| Transcript::new());
    let network = MemoryNetwork::new();
    let server = TestOneClientReadLoopServer::builder()
        .record(&transcripts[0])
        .options(|server| server.network(&network).host("gauge").port(1))
        .start()
        .await
        .unwrap();
    let link = Client::builder("gauge", 1).network(&network).record(&transcripts[1]).link().connect().await.unwrap();
    link.tell("one").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    server.close_client().await;
    link.connection().wait_disconnected().await;
    eventually(link.ready()).await.unwrap();
    link.tell("two").await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "two");
    link.close().await;
    eventually(server.wait_disconnected()).await;
    let steps: Vec<String> = timeless(&transcripts[1]).lines().map(str::to_owned).collect();
    let wanted = ["script 1", "> \"one\" CR LF", "< fin", "> close", "> connect", "> \"two\" CR LF", "> close"];
    assert_eq!(steps, wanted);
    assert_eq!(transcripts[0].received(), transcripts[1].sent());
    assert!(transcripts[1].to_script().contains("s > connect\n"), "{}", transcripts[1]);

    let network = MemoryNetwork::new();
    let server = OneClientServer::builder().record(&transcripts[2]).network(&network).host("gauge").port(1);
    let server = server.start().await.unwrap();
    let stream = network.connect("gauge", 1).await.unwrap();
    let client = Client::from_stream(stream).record(&transcripts[3]).connect_with(Echo).await.unwrap();
    let connection = server.wait_connected().await.unwrap();
    connection.write_str("echo").await.unwrap();
    assert_eq!(eventually(connection.read_str()).await.unwrap(), "echo");
    assert_eq!((transcripts[2].sent(), transcripts[3].sent()), (b"echo\r\n".to_vec(), b"echo\r\n".to_vec()));
    client.close().await;
}

/// A proxy records what its client does, whatever its faults do to that.
#[test_log::test(tokio::test)]
async fn a_proxy_records_what_its_client_does() {
    let [client, proxied] = [(); 2].map(|()| Transcript::new());
    let case = OneClientServerTestCase::new();
    let server = case.create_server(OneClientReadLoopServer::builder(Echo)).await.unwrap();
    let proxy = FaultProxy::to(server.host(), server.port()).record(&proxied).start().await.unwrap();
    for session in 0..2 {
        let _damaged = (session == 1).then(|| proxy.to_client().add(faults::replace(b"o", b"0")));
        let connecting = Client::builder(proxy.host(), proxy.port()).record(&client).connect();
        let controller = eventually(connecting).await.unwrap();
        for line in ["one", "two"] {
            controller.write_str(line).await.unwrap();
            let reply = eventually(controller.read_str()).await.unwrap();
            assert_eq!(reply, if session == 1 { line.replace('o', "0") } else { line.to_owned() });
        }
        controller.close().await;
        eventually(server.wait_disconnected()).await;
    }
    proxy.close().await;
    assert_eq!((proxied.sent(), proxied.received()), (client.sent(), client.received()));
    client.check(&timeless(&proxied).replace("> fin\n< fin\n", "> close\n")).unwrap();
    let path = std::env::temp_dir().join(format!("tcpip-testkit-proxy-{}.pcapng", std::process::id()));
    proxied.write_pcapng(&path).unwrap();
    let capture = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(capture.windows(2).any(|bytes| bytes == server.port().to_be_bytes()));
}

/// Sessions at the same time are told apart, one behind the other.
#[test_log::test(tokio::test(start_paused = true))]
async fn sessions_are_told_apart() {
    let transcript = Transcript::new();
    let (one, _there) = recorded(&transcript).await;
    sleep(Duration::from_millis(5)).await;
    let (two, _there) = recorded(&transcript).await;
    two.write(b"2").await.unwrap();
    sleep(Duration::from_millis(5)).await;
    one.write(b"1").await.unwrap();
    two.close().await;
    sleep(Duration::from_millis(5)).await;
    let (_three, _there) = recorded(&transcript).await;
    assert_eq!(
        transcript.to_script(),
        r#"script 1
+10ms > "1"
# while what is above was going on
> connect
> "2"
+5ms > close
+5ms > connect
"#
    );
    let sessions: Vec<usize> = transcript.chunks().iter().map(|chunk| chunk.session).collect();
    assert_eq!(sessions, [0, 1]);
}

/// It keeps the last of what passed, as much as it may, and says what it has dropped.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_dropped_is_told() {
    let transcript = Transcript::new().keep(3, 10);
    let (client, _far) = recorded(&transcript).await;
    for message in ["a", "b", "c", "d"] {
        client.write(message.as_bytes()).await.unwrap();
    }
    let script = |dropped: &str, kept: &str| format!("script 1\n# before this, {dropped} were dropped\n> {kept}\n");
    assert_eq!(transcript.to_script(), script("1 bytes in 1 chunks", "\"bcd\""));
    client.write(b"123456789").await.unwrap();
    assert_eq!(transcript.to_script(), script("3 bytes in 3 chunks", "\"d123456789\""));
    client.write(b"0123456789abc").await.unwrap();
    assert_eq!(transcript.to_script(), script("16 bytes in 5 chunks", "\"3456789abc\""));
    let emptied = transcript.keep(0, 0);
    assert_eq!(emptied.sent(), b"");
    assert_eq!(emptied.to_script(), "script 1\n# before this, 26 bytes in 6 chunks were dropped\n");

    // Where that goes for the beginning of a session, the script has it all the same.
    let transcript = Transcript::new().keep(2, 10);
    let (one, _there) = recorded(&transcript).await;
    let (two, _there) = recorded(&transcript).await;
    one.write(b"1").await.unwrap();
    two.write(b"2").await.unwrap();
    assert_eq!(transcript.to_script(), "script 1\n> \"1\"\n> connect\n> \"2\"\n");
    transcript.check(&transcript.to_script()).unwrap();
}

/// A peer's reset is told behind what it has sent, in the file as well.
#[test_log::test(tokio::test)]
async fn a_reset_is_recorded() {
    let transcript = Transcript::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = Client::builder("127.0.0.1", port).record(&transcript).connect().await.unwrap();
    let (mut device, _) = listener.accept().await.unwrap();
    client.write(b"x").await.unwrap();
    device.read_exact(&mut [0]).await.unwrap();
    device.write_all(b"hal").await.unwrap();
    assert_eq!(eventually(client.read_exact(3)).await.unwrap(), b"hal");
    socket2::SockRef::from(&device).set_linger(Some(Duration::ZERO)).unwrap();
    drop(device);
    eventually(client.connection().wait_closed()).await;
    assert_eq!(timeless(&transcript), "script 1\n> \"x\"\n< \"hal\"\n< reset\n");
    let folder = std::env::temp_dir().join(format!("tcpip-testkit-{}", std::process::id()));
    let path = folder.join("of/the/dome.tcpip");
    transcript.write_to(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), transcript.to_script());
    let within_a_file = path.join("x.pcapng");
    let error = transcript.write_pcapng(&within_a_file).unwrap_err();
    assert!(error.to_string().starts_with(&within_a_file.display().to_string()), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What has passed between a client and a dome, in one session after another.
async fn passed(sessions: &[&[(Direction, &str)]]) -> Transcript {
    let transcript = Transcript::new();
    for session in sessions {
        let (client, mut dome) = recorded(&transcript).await;
        for (direction, text) in *session {
            match direction {
                Sent => client.write(text.as_bytes()).await.unwrap(),
                Received => {
                    dome.write_all(text.as_bytes()).await.unwrap();
                    client.read_exact(text.len()).await.unwrap();
                }
            }
            sleep(Duration::from_secs(10)).await;
        }
        client.close().await;
    }
    transcript
}

/// A transcript is what it is, whatever its times; so is one with holes and blocks in its script.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_transcript_is_checked_against_scripts() {
    let transcript = passed(&[
        &[
            (Received, "ACE Main Box\n>"),
            (Sent, "?\r\n"),
            (Received, "POSN 285.00\n>"),
            (Sent, "?\r\n"),
            (Received, "POSN 1\n>"),
        ],
        &[(Received, "busy\n")],
    ])
    .await;
    for script in [
        &transcript.to_script(),
        "< {..} \">\"\nrepeat 2\n> \"?\" CR LF\n< \"POSN \" {number} LF \">\"\nend\n> connect\n< \"busy\" LF\n",
        concat!(
            "< {..} \">\"\nrepeat\n> \"?\" CR LF\n< \"POSN \" {number} LF \">\"\nend\n",
            "> close\n> connect\n< {word} LF\n> fin\n",
        ),
    ] {
        transcript.check(script).unwrap();
        let read = Script::parse(script).unwrap();
        transcript.check(&read).unwrap();
        assert_eq!(read.to_string(), script);
    }
    assert!(matches!(transcript.check("< hello"), Err(CheckError::Script(_))));
}

/// What may come as often as it likes is over when the session is, whoever has ended that, or where recording ends.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_repeats_is_over_with_its_session() {
    let transcript = passed(&[&[(Received, "T 1\nT 2\n")], &[(Received, "T 3\n")]]).await;
    let telemetry = "repeat\n< \"T \" {int} LF\nend\n";
    transcript.check(&format!("{telemetry}> close\n> connect\n{telemetry}")).unwrap();
    for rest in ["< \"END\" LF\n", "repeat 2\n< \"T \" {int} LF\nend\n"] {
        let error = transcript.check(&format!("{telemetry}> close\n> connect\n{telemetry}{rest}")).unwrap_err();
        assert!(error.to_string().contains("this was not reached"), "{error}");
    }

    let (near, mut far) = tokio::io::duplex(1024);
    let transcript = Transcript::new();
    let client = Client::from_stream(near).record(&transcript).connect().await.unwrap();
    far.write_all(b"T 1\nT 2").await.unwrap();
    client.read_exact(7).await.unwrap();
    let error = transcript.check(telemetry).unwrap_err();
    assert!(error.to_string().contains("the server has sent more than the script expects"), "{error}");
    far.write_all(b"\n").await.unwrap();
    client.read_exact(1).await.unwrap();
    transcript.check(telemetry).unwrap();
}

/// What is different, missing or too much is shown beside what was expected, from there on.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_difference_is_shown() {
    let all = [(Received, "hello>"), (Sent, "?\r\n"), (Received, "1\n>"), (Sent, "stop\r\n"), (Received, ">")];
    // A byte-order mark, blanks and comments are no difference.
    let script = "\u{feff}
        < {..} \">\"
        +5s > \"?\"   CR LF
        < {int} LF \">\"
        +1s > \"stop\" CR LF    # at once

        < \">\"
    ";
    for (sessions, said, diff) in [
        (
            vec![[&all[..2], &[(Received, "x\n>")], &all[3..]].concat()],
            "what came does not fit {int} at byte 0 of the step of line 4",
            r#"
 < "hello>"
 > "?" CR LF
-< {int} LF ">"
+< "x" LF
+  ">"
 > "stop" CR LF
 < ">"
+> close"#,
        ),
        (
            vec![all[..3].to_vec()],
            r#"the stream ended before "stop" at byte 0 of the step of line 5"#,
            r#"
 > "?" CR LF
 < "1" LF
   ">"
-> "stop" CR LF
-< ">"
+> close"#,
        ),
        (
            vec![[&all[..], &[(Sent, "more")]].concat()],
            "the client has sent more than the script expects",
            r#"
   ">"
 > "stop" CR LF
 < ">"
+> "more"
+> close"#,
        ),
        (
            vec![all.to_vec(), all[..1].to_vec()],
            "the server has sent more than the script expects",
            r#"
   ">"
 > "stop" CR LF
 < ">"
+> close
+> connect
+< "hello>"
+> close"#,
        ),
    ] {
        let sessions: Vec<_> = sessions.iter().map(|session| &session[..]).collect();
        let error = passed(&sessions).await.check(script).unwrap_err();
        let unwrapped = format!("{error:?}");
        let CheckError::Differs(differs) = error else { panic!("{said}") };
        let text = differs.to_string();
        assert!(unwrapped.contains(&text), "{unwrapped}");
        assert!(text.contains(said), "{text}");
        let (_, shown) = text.split_once(" @@").expect("a difference");
        assert_eq!(shown, diff, "{text}");
    }
}
