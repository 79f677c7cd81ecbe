//! Peers that play a script: devices for controllers, controllers for devices.

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tcpip_client::{Abort, Client, DEFAULT_CONNECT_TIMEOUT};
use tcpip_testkit::{
    ExpectExt, FailureReason, MemoryNetwork, PeerError, Script, ScriptFailure, ScriptedPeer,
    TestOneClientReadLoopServer, Transcript,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

fn script(text: &str) -> Script {
    Script::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A device that plays this, and a stream to it.
async fn device(text: &str) -> (ScriptedPeer, TcpStream) {
    let device = ScriptedPeer::server(script(text)).start().await.unwrap();
    let stream = TcpStream::connect((device.host(), device.port())).await.unwrap();
    (device, stream)
}

/// A client that plays this over a stream in memory, and the other end.
fn client(text: &str) -> (ScriptedPeer, DuplexStream) {
    let (near, far) = duplex(1024);
    (ScriptedPeer::client(script(text)).over(near).unwrap(), far)
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin), count: usize) -> String {
    let mut buffer = vec![0; count];
    stream.read_exact(&mut buffer).await.unwrap();
    String::from_utf8(buffer).unwrap()
}

/// A dialogue is played, and its transcript is a script that can be played again.
#[test_log::test(tokio::test)]
async fn a_device_plays_its_script() {
    let text = r#"
        < "ACE" LF ">"
        > "?" CR LF
        < "MAIN " {word = "CLOSED"} LF ">"
        > {number azimuth} " MV" CR LF
        < ">"
        > fin
        < close
    "#;
    let (device, mut stream) = device(text).await;
    assert_eq!(read(&mut stream, 5).await, "ACE\n>");
    stream.write_all(b"?\r\n").await.unwrap();
    assert_eq!(read(&mut stream, 13).await, "MAIN CLOSED\n>");
    stream.write_all(b"280.00 MV\r").await.unwrap();
    stream.write_all(b"\n").await.unwrap();
    assert_eq!(read(&mut stream, 1).await, ">");
    assert_eq!(device.captured().text("azimuth"), "280.00");
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    let transcript = device.finish().await.unwrap();
    assert_eq!(transcript.received(), b"?\r\n280.00 MV\r\n");
    assert_eq!(transcript.sent(), b"ACE\n>MAIN CLOSED\n>>");
    assert!(transcript.to_script().trim_end().ends_with("< close"), "{transcript}");
    script(&transcript.to_script());
}

/// The ends of a script are those of the system: what was written arrives before them, whatever is left unread.
#[test_log::test(tokio::test)]
async fn ends_are_those_of_the_system() {
    let (device, mut stream) = self::device("> \"?\"\n< \"half\"\n< reset\n").await;
    stream.write_all(b"?").await.unwrap();
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    device.finish().await.unwrap();

    let (device, mut stream) = self::device("< \"all\"\n< fin\n> \"more\"\n").await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"all");
    stream.write_all(b"more").await.unwrap();
    device.finish().await.unwrap();

    let (device, mut stream) = self::device("> \"?\"\n< \"x\"*100000\n< close\n").await;
    stream.write_all(b"?").await.unwrap();
    read(&mut stream, 1).await;
    stream.write_all(b"more that nobody reads").await.unwrap();
    device.finish().await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len(), 99_999);

    for (text, is_reset) in [("> fin\n", false), ("> reset\n", true)] {
        let (device, stream) = self::device(text).await;
        if is_reset {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(stream);
        device.finish().await.unwrap();
    }
    // In good order, then by a reset.
    let (device, mut stream) = self::device("> fin\n< \"bye\"\n> reset\n").await;
    stream.shutdown().await.unwrap();
    assert_eq!(read(&mut stream, 3).await, "bye");
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    device.finish().await.unwrap();
}

/// A failure says which step it was, what was expected, what came, and what passed before; the session ends at once.
#[test_log::test(tokio::test)]
async fn a_failure_says_what_is_to_be_known() {
    let (device, mut stream) = device("> \"?\" LF\n< \"ok\" LF\n> \"GO \" {int} LF within 30s\n").await;
    stream.write_all(b"?\n").await.unwrap();
    assert_eq!(read(&mut stream, 3).await, "ok\n");
    stream.write_all(b"GO x\n").await.unwrap();
    assert_ne!(stream.read(&mut [0]).await.map_err(|error| error.kind()), Ok(1), "the session has ended");
    let failure = device.finish().await.unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::Mismatch));
    assert_eq!((failure.line(), failure.expected(), failure.at(), failure.came()), (3, "{int}", 3, &b"GO x\n"[..]));
    let told = failure.to_string();
    let expected = r#"script:3:9: what came does not fit {int} at byte 3 of the step of line 3
  > "GO " {int} LF within 30s
          ^^^^^
came: "GO x" LF
so far:
script 1
"#;
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("\"?\" LF\n") && told.ends_with("\"GO x\" LF"), "{told}");
}

/// A server serves one client at a time: others are closed, and the next comes where the script says so, however soon.
#[test_log::test(tokio::test)]
async fn a_server_serves_one_client_at_a_time() {
    let (device, mut stream) =
        device("> \"1\"\n< \"one\"\nrepeat 20\n> fin\n> connect\n> \"2\"\n< \"two\"\nend\n").await;
    let mut surplus = TcpStream::connect((device.host(), device.port())).await.unwrap();
    assert_eq!(surplus.read(&mut [0]).await.unwrap(), 0);
    stream.write_all(b"1").await.unwrap();
    assert_eq!(read(&mut stream, 3).await, "one");
    for _ in 0..20 {
        drop(stream);
        stream = TcpStream::connect((device.host(), device.port())).await.unwrap();
        stream.write_all(b"2").await.unwrap();
        assert_eq!(read(&mut stream, 3).await, "two");
    }
    device.finish().await.unwrap();
}

/// A client tests a mock, and connects as often as its script says.
#[test_log::test(tokio::test)]
async fn a_client_tests_a_mock() {
    let server = TestOneClientReadLoopServer::builder().options(|server| server.port(0)).start().await.unwrap();
    let text = "> \"one\" CR LF\n> close\n> connect\n> \"two\" CR LF\n> reset\n";
    let peer = ScriptedPeer::client(script(text)).connect(server.host(), server.port()).await.unwrap();
    assert_eq!((peer.host(), peer.port()), (server.host(), server.port()));
    peer.finish().await.unwrap();
    assert_eq!(server.get_next_data().await.unwrap(), "one");
    let _ = server.get_next_data().await;
}

/// Step by step, in the session that is open.
#[test_log::test(tokio::test)]
async fn a_peer_is_told_step_by_step() {
    let mut device = ScriptedPeer::server(Script::new()).set("id", "7").start().await.unwrap();
    let controller = Client::builder(device.host(), device.port()).connect().await.unwrap();
    controller.write_str("MEAS? 1").await.unwrap();
    let played =
        device.play("> {word command} \" \" {digits channel} CR LF\n< $id \" \" $channel CR LF").await.unwrap();
    assert_eq!((played.text("command"), played.bytes("channel")), ("MEAS?", &b"1"[..]));
    assert_eq!(controller.read_str().await.unwrap(), "7 1");
    let refused = device.play("> CRLF").await.unwrap_err();
    assert!(matches!(refused, PeerError::Script(_)), "{refused}");
    let refused = device.play("repeat\n< \"a\"\nend").await.unwrap_err();
    assert!(refused.to_string().contains("the server cannot play `repeat`"), "{refused}");
    device.set("id", *b"8");
    device.play(script("< $id CR LF")).await.unwrap();
    assert_eq!(controller.read_str().await.unwrap(), "8");
    controller.write_str("other").await.unwrap();
    let failure = device.play("> \"this\" CR LF").await.unwrap_err();
    assert!(matches!(&failure, PeerError::Failed(failure) if failure.came() == b"other\r\n"), "{failure}");
    // It is told, so nothing is left to be said.
    drop(device);
}

/// Nobody is dialled for ever.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_client_gives_up_who_does_not_answer() {
    let network = MemoryNetwork::new();
    let _unplugged = network.host("dome").black_hole();
    let begin = Instant::now();
    let error = ScriptedPeer::client(Script::new()).network(&network).connect("dome", 1).await.unwrap_err();
    assert!(matches!(&error, PeerError::Connect { source, .. } if source.kind() == ErrorKind::TimedOut), "{error:?}");
    assert_eq!(begin.elapsed(), DEFAULT_CONNECT_TIMEOUT);
}

/// A client has the values that it was given before, too.
#[test_log::test(tokio::test)]
async fn a_client_knows_what_it_was_given() {
    let (near, mut far) = duplex(1024);
    let peer = ScriptedPeer::client(script("> $id LF\n")).set("id", "7").over(near).unwrap();
    assert_eq!(read(&mut far, 2).await, "7\n");
    peer.finish().await.unwrap();
}

/// A peer that is kept busy for ever is finished when the deadlines of the steps that are left are over, one by one,
/// and what no step speaks of has had its time: 2 s, 1 s and 5 s.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_peer_has_the_time_of_its_steps() {
    let (peer, mut far) = client("repeat\n< \"T\" within 2s\nend\n< \"END\" within 1s\n");
    let telemetry = tokio::spawn(async move {
        while far.write_all(b"T").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let begin = Instant::now();
    let failure = peer.finish().await.unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::NotReached), "{failure}");
    assert_eq!(begin.elapsed(), Duration::from_secs(8));
    telemetry.await.unwrap();
}

/// What cannot be started is told.
#[test_log::test(tokio::test)]
async fn what_cannot_be_started_is_told() {
    let error = ScriptedPeer::server(script("< {word} LF")).start().await.unwrap_err();
    assert!(error.to_string().starts_with("script:1:3: the server cannot send this"), "{error}");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = ScriptedPeer::server(Script::new()).start_on("127.0.0.1", port).await.unwrap_err();
    assert!(matches!(error, PeerError::Start(_)), "{error}");
    drop(taken);
    let error = ScriptedPeer::client(Script::new()).connect("127.0.0.1", port).await.unwrap_err();
    assert!(matches!(&error, PeerError::Connect { source, .. } if source.kind() == ErrorKind::ConnectionRefused));
}

/// How many milliseconds a peer takes to finish, and how it ends.
async fn after(peer: ScriptedPeer) -> (u64, Result<Transcript, ScriptFailure>) {
    let begin = Instant::now();
    let result = peer.finish().await;
    (u64::try_from(begin.elapsed().as_millis()).unwrap(), result)
}

/// Nothing waits for ever: not for a client, nor for bytes, nor for room.
#[test_log::test(tokio::test(start_paused = true))]
async fn nothing_waits_for_ever() {
    let (peer, _far) = client("< \"a\" within 2s\n< \"b\"\n");
    let (waited, result) = after(peer).await;
    assert_eq!(waited, 2000);
    assert!(matches!(result.unwrap_err().reason(), FailureReason::Timeout { .. }));
    let (peer, _far) = client("> \"a\"*2000 within 3s\n");
    assert!(matches!(after(peer).await, (3000, Err(failure)) if failure.to_string().contains("could not be written")));
    let (peer, _far) = client("< \"a\" within 2h\n");
    assert!(matches!(after(peer).await, (60_000, Err(failure)) if failure.to_string().contains("was not reached")));
    let (peer, _far) = client("< \"a\" within 2h\n");
    assert_eq!(after(peer.finish_within(Duration::from_secs(1))).await.0, 1000);
    // A heartbeat does not keep it up.
    let (peer, mut far) = client("any time\n< \"beat\"\nend\nrepeat\n< \"a\"\nend\n");
    let beating = async {
        loop {
            far.write_all(b"beat").await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let (waited, result) = tokio::select! { result = after(peer) => result, () = beating => unreachable!() };
    assert_eq!(waited, 5000);
    result.unwrap();
}

/// Under a paused clock, a script takes the time that it says, to the millisecond, and no other.
#[test_log::test(tokio::test(start_paused = true))]
async fn times_are_exact() {
    let (mut peer, far) = client("every 100ms t\n> \"T\"\nend\nwait 250ms\n+20ms > \"a\"\nstop t\n@1h > \"b\"\n");
    let begin = Instant::now();
    let mut far = far;
    for expected in [("T", 100), ("T", 200), ("a", 270), ("b", 3_600_000)] {
        let byte = read(&mut far, 1).await;
        assert_eq!((byte.as_str(), begin.elapsed().as_millis()), expected);
    }
    let (reply, played) = tokio::join!(
        async {
            far.write_all(b"?").await.unwrap();
            read(&mut far, 1).await
        },
        peer.play("< \"?\"\n+1s > \"!\"\nsilence 1s"),
    );
    played.unwrap();
    assert_eq!((reply.as_str(), begin.elapsed().as_millis()), ("!", 3_602_000));
    peer.finish().await.unwrap();
}

/// A peer that a test forgets fails it, and says how far it came; one that is dropped by a panic does not add another.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_peer_that_is_not_finished_panics() {
    let (peer, mut far) = client("> \"a\"");
    far.expect("a").await;
    let panic = catch_unwind(AssertUnwindSafe(|| drop(peer))).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("dropped without `finish`") && said.ends_with("so far:\nscript 1\n> \"a\""), "{said}");
    let (peer, _far) = client("> \"a\"");
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _peer = peer;
        panic!("first")
    }));
    assert_eq!(*panic.unwrap_err().downcast_ref::<&str>().unwrap(), "first");
    let (peer, mut far) = client("< \"a\"");
    far.write_all(b"b").await.unwrap();
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    let panic = catch_unwind(AssertUnwindSafe(|| drop(peer))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("what came does not fit \"a\""));
}

/// A stream that was given has no other, and what is over is over.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_given_stream_is_not_connected_again() {
    let (peer, _far) = client("> close\n> connect\n");
    let failure = peer.finish().await.unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::Io { source } if source.kind() == ErrorKind::Unsupported));
    let (peer, mut far) = client("> \"a\"\n");
    far.write_all(b"left over").await.unwrap();
    assert_eq!(read(&mut far, 1).await, "a");
    let failure = peer.finish().await.unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::LeftOver), "{failure}");
    let peer = ScriptedPeer::server(Script::new()).start().await.unwrap();
    assert_eq!(peer.finish().await.unwrap().chunks(), []);
}

/// Peers meet in a network in memory too, given or entered, where resets are resets.
#[test_log::test(tokio::test(start_paused = true))]
async fn peers_meet_in_memory() {
    let text = "> \"a\"\n< \"b\"\n> reset\n> connect\n+1h < \"c\"\n> fin\n< fin\n";
    let network = MemoryNetwork::new();
    let device = ScriptedPeer::server(script(text)).network(&network).start_on("dome", 17310).await.unwrap();
    let controller = ScriptedPeer::client(script(text)).network(&network).connect("dome", 17310).await.unwrap();
    let (device, controller) = tokio::join!(
        device.finish_within(Duration::from_hours(2)).finish(),
        controller.finish_within(Duration::from_hours(2)).finish()
    );
    assert_eq!(device.unwrap().to_script(), controller.unwrap().to_script());
    let _entered = network.enter();
    let device = ScriptedPeer::server(script("> \"a\"\n< reset\n")).start_on("dome", 17311).await.unwrap();
    let client = Client::builder("dome", 17311).connect().await.unwrap();
    client.write(b"a").await.unwrap();
    client.wait_disconnected().await;
    device.finish().await.unwrap();
}

/// A reset that a peer meets as it writes is in its transcript, behind what had come before.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_of_a_write_is_told() {
    let network = MemoryNetwork::new();
    let mut device = ScriptedPeer::server(script("> \"a\"\n")).network(&network).start_on("dome", 17310).await.unwrap();
    let mut stream = network.connect("dome", 17310).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    device.play("< \"b\"\n").await.unwrap();
    stream.expect("b").await;
    stream.write_all(b"c").await.unwrap();
    stream.into_transport().unwrap().abort(Abort::Now);
    // It learns of this together with the reset.
    device.play("< \"d\"\n").await.unwrap_err();
    let failure = device.finish().await.unwrap_err();
    assert!(matches!(failure.reason(), FailureReason::CannotSend), "{failure}");
    assert_eq!(failure.transcript(), "script 1\n> \"a\"\n< \"b\"\n> \"c\"\n> reset\n");
}

/// An end that a reset came behind is an end, also where a write meets the reset first.
#[test_log::test(tokio::test(start_paused = true))]
async fn an_end_before_a_reset_of_a_write_is_told() {
    let network = MemoryNetwork::new();
    let mut device = ScriptedPeer::server(script("> \"a\"\n")).network(&network).start_on("dome", 17310).await.unwrap();
    let mut stream = network.connect("dome", 17310).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    let leaving = async {
        // By then it waits for room.
        sleep(Duration::from_millis(1500)).await;
        stream.shutdown().await.unwrap();
        stream.into_transport().unwrap().abort(Abort::Now);
    };
    let (played, ()) = tokio::join!(device.play("every 1s\n< \"d\"*200000\nend\n> fin\n"), leaving);
    played.unwrap();
    let transcript = device.finish().await.unwrap().to_script();
    assert!(transcript.ends_with("> fin\n> reset\n"), "{transcript}");
}

/// Megabytes come in time, however many chunks they are.
#[test_log::test(tokio::test)]
async fn a_long_step_is_played_in_time() {
    let text = "> \"x\"*5000000\n< \"y\"*5000000\n";
    let device = ScriptedPeer::server(script(text)).start().await.unwrap();
    let client = ScriptedPeer::client(script(text)).connect(device.host(), device.port()).await.unwrap();
    let (sent, received) = tokio::join!(client.finish(), device.finish());
    assert_eq!((sent.unwrap().sent().len(), received.unwrap().received().len()), (5_000_000, 5_000_000));
}
