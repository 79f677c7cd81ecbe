//! What the controller makes of a dome that is late, silent, gone, or no dome. None of it takes any time.

use std::time::Duration;

use atdome_controller::{Command, DEFAULT_REPLY_TIMEOUT, Dome, DomeError, StatusError};
use tcpip_client::{Cause, ConnectError, DisconnectReason, LinkError, LinkState, ReadError, RequestError};
use tcpip_testkit::{EnteredNetwork, FaultProxy, MemoryNetwork, Script, ScriptedPeer, eventually, faults};
use tokio::time::Instant;

/// A dome that does what a script says, in a network of the test.
struct ScriptedDome {
    peer: ScriptedPeer,
    _entered: EnteredNetwork,
}

impl ScriptedDome {
    async fn start(script: &str) -> Self {
        let entered = MemoryNetwork::new().enter();
        let peer = ScriptedPeer::server(Script::parse(script).unwrap()).start().await.unwrap();
        Self { peer, _entered: entered }
    }

    /// One that greets first, and its controller.
    async fn greeting(script: &str) -> (Dome, Self) {
        let device = Self::start(&format!("< \"ACE Main Box\" LF \">\"\n{script}")).await;
        (device.connect().await.unwrap(), device)
    }

    async fn connect(&self) -> Result<Dome, DomeError> {
        Dome::connect(self.peer.host(), self.peer.port()).await
    }

    /// Waits until the controller has sent this.
    async fn has_heard(&self, text: &str) {
        let transcript = self.peer.transcript();
        eventually(|| transcript.received() == text.as_bytes()).await;
    }

    /// Checks that all has gone as the script says.
    async fn finish(self) {
        self.peer.finish().await.unwrap();
    }
}

/// Why there is no reply.
fn no_reply<T: std::fmt::Debug>(outcome: Result<T, DomeError>) -> RequestError {
    match outcome {
        Err(DomeError::Request(error)) => error,
        outcome => panic!("{outcome:?}"),
    }
}

/// Why there is no dome.
fn connect_error(outcome: Result<Dome, DomeError>) -> LinkError {
    match outcome {
        Err(DomeError::Link(error)) => error,
        outcome => panic!("{outcome:?}"),
    }
}

/// Why there was no session any more for a command.
fn ended<T: std::fmt::Debug>(outcome: Result<T, DomeError>) -> DisconnectReason {
    let error = no_reply(outcome);
    match error.cause() {
        Cause::NotConnected { reason: Some(reason), .. } => reason.clone(),
        _ => panic!("{error:?}"),
    }
}

/// Waits until the link knows that its session has ended, and returns why.
async fn lost(dome: &Dome) -> DisconnectReason {
    let mut states = dome.link().states();
    let failed = states.wait_for(|state| matches!(state, LinkState::Backoff { .. }));
    let state = eventually(failed).await.unwrap();
    match &*state {
        LinkState::Backoff { error, .. } => match error {
            LinkError::Lost { reason } => reason.clone(),
            error => panic!("{error:?}"),
        },
        state => panic!("{state:?}"),
    }
}

/// A reply that does not come in time is an error that names the command, and the session ends at once.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_missing_reply_is_an_error_and_ends_the_session() {
    let (dome, device) = ScriptedDome::greeting("> 'OP' CR LF\n> close").await;
    let begin = Instant::now();
    let error = no_reply(dome.command(Command::OpenMainDoor).await);
    assert_eq!(begin.elapsed(), DEFAULT_REPLY_TIMEOUT);
    assert!(matches!(error.cause(), Cause::NoReply { after } if *after == DEFAULT_REPLY_TIMEOUT), "{error:?}");
    assert_eq!(error.to_string(), r#""OP\r\n": no reply came for 2s"#);
    assert!(!dome.link().is_ready());
    assert_eq!(lost(&dome).await, DisconnectReason::OutOfStep);
    device.finish().await;
}

/// The reply that comes too late is not the answer to the next command, nor to one in the next session.
/// Failure 32.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_late_reply_is_never_paired_with_the_next_command() {
    let script = r#"
        > "OP" CR LF
        > close
        < "late" LF ">"
        > connect
        < "ACE Main Box" LF ">"
        > "?" CR LF
        < "its own" LF ">"
    "#;
    let (dome, device) = ScriptedDome::greeting(script).await;
    assert!(no_reply(dome.send("OP").await).is_timeout());
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
    dome.link().ready().await.unwrap();
    assert_eq!(dome.send("?").await.unwrap(), ["its own"]);
    device.finish().await;
}

/// Half a reply in time is no reply in time.
#[test_log::test(tokio::test(start_paused = true))]
async fn half_a_reply_is_no_reply() {
    let (dome, device) = ScriptedDome::greeting("> '?' CR LF\n< 'MAIN CLO'\n> close").await;
    let error = no_reply(dome.send("?").await);
    assert!(matches!(error.cause(), Cause::TooSlow { after } if *after == DEFAULT_REPLY_TIMEOUT), "{error:?}");
    assert_eq!(error.received(), b"MAIN CLO");
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
    device.finish().await;
}

/// A command whose future was dropped before the reply leaves a reply that belongs to nobody: the session ends at once.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_reply_to_an_abandoned_command_is_never_paired_with_the_next() {
    let (dome, device) = ScriptedDome::greeting("> 'OP' CR LF\n> close\n< 'late' LF '>'").await;
    tokio::select! {
        biased;
        reply = dome.send("OP") => panic!("there is no reply yet: {reply:?}"),
        () = device.has_heard("OP\r\n") => {}
    }
    assert!(!dome.link().is_ready());
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
    device.finish().await;
}

/// A hang-up in the middle of a reply is a lost connection.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_hang_up_within_a_reply_is_a_lost_connection() {
    let (dome, device) = ScriptedDome::greeting("> '?' CR LF\n< 'MAIN CLOSED 000' LF 'DR'\n< close").await;
    let error = no_reply(dome.send("?").await);
    assert!(matches!(error.cause(), Cause::Read(ReadError::Incomplete { .. })), "{error:?}");
    assert!(!dome.link().is_ready());
    assert_eq!(lost(&dome).await, DisconnectReason::ClosedByPeer);
    device.finish().await;
}

/// Whether the read that waited was told of this end of the session.
fn is_ended_by(error: &RequestError, expected: &DisconnectReason) -> bool {
    matches!(error.cause(), Cause::Read(ReadError::Disconnected { reason }) if reason == expected)
}

/// A reset instead of a reply says that it was one.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reset_is_a_lost_connection() {
    let (dome, device) = ScriptedDome::greeting("> '?' CR LF\n< reset").await;
    let error = no_reply(dome.send("?").await);
    assert!(is_ended_by(&error, &DisconnectReason::Reset), "{error:?}");
    assert_eq!(lost(&dome).await, DisconnectReason::Reset);
    device.finish().await;
}

/// A hang-up while nothing is being said is noticed without a command, and told to the next one.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_hang_up_between_commands_is_noticed_at_once() {
    let (dome, device) = ScriptedDome::greeting("+1s < close").await;
    let begin = Instant::now();
    assert_eq!(lost(&dome).await, DisconnectReason::ClosedByPeer);
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(ended(dome.send("?").await), DisconnectReason::ClosedByPeer);
    }
    device.finish().await;
}

/// A command that waits for its reply when the link is closed at this end fails at once.
#[test_log::test(tokio::test(start_paused = true))]
async fn closing_fails_the_waiting_command() {
    let (dome, device) = ScriptedDome::greeting("> '?' CR LF\n> close").await;
    let close = async {
        device.has_heard("?\r\n").await;
        dome.close().await;
    };
    let (reply, ()) = tokio::join!(dome.send("?"), close);
    let error = no_reply(reply);
    assert!(is_ended_by(&error, &DisconnectReason::Closed), "{error:?}");
    assert_eq!(ended(dome.send("?").await), DisconnectReason::Closed);
    dome.close().await;
    device.finish().await;
}

/// A prompt is one where a line would begin: what does not end its last line is no reply, and the session is not to be
/// trusted any more.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_malformed_reply_ends_the_session() {
    let (dome, device) = ScriptedDome::greeting("> '?' CR LF\n< 'no line end>'\n> close").await;
    let error = no_reply(dome.send("?").await);
    assert!(matches!(error.cause(), Cause::TooSlow { .. }), "{error:?}");
    assert_eq!(lost(&dome).await, DisconnectReason::OutOfStep);
    device.finish().await;
}

/// A reply that is no text is no reply, but its end is known, and the session stays in step.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_reply_that_is_no_text_leaves_the_link_in_step() {
    let script = "> '?' CR LF\n< x'ff' LF '>'\n> '?' CR LF\n< 'one' LF '>'".replace("x'ff'", "x\"ff\"");
    let (dome, device) = ScriptedDome::greeting(&script).await;
    let error = no_reply(dome.send("?").await);
    assert!(matches!(error.cause(), Cause::Value(_)), "{error:?}");
    assert_eq!(dome.send("?").await.unwrap(), ["one"]);
    device.finish().await;
}

/// A well-formed reply that is no status is an error, but the link stays in step.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_wrong_status_leaves_the_link_in_step() {
    let script = "> '?' CR LF\n< 'MAIN CLOSED 000' LF '>'\n> 'x' CR LF\n< 'one' LF '>'";
    let (dome, device) = ScriptedDome::greeting(script).await;
    let status = dome.short_status().await;
    let wrong = StatusError::LineCount { expected: 6, found: 1 };
    assert!(matches!(&status, Err(DomeError::Status(error)) if *error == wrong), "{status:?}");
    assert_eq!(dome.send("x").await.unwrap(), ["one"]);
    device.finish().await;
}

/// What is blank or more than one line is refused, and nothing of it is sent.
#[test_log::test(tokio::test(start_paused = true))]
async fn only_one_command_is_sent_at_a_time() {
    let (dome, device) = ScriptedDome::greeting("> close").await;
    for line in ["", "  ", "OP\nHM", "OP\r\nHM", "OP\r", "\n"] {
        let reply = dome.send(line).await;
        assert!(matches!(&reply, Err(DomeError::NotOneCommand { line: refused }) if refused == line), "{reply:?}");
    }
    assert!(dome.link().is_ready());
    dome.close().await;
    device.finish().await;
}

/// A port on which nothing listens is a refused connection.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_refused_connection_is_an_error_of_its_own() {
    let _entered = MemoryNetwork::new().enter();
    let error = connect_error(Dome::connect("127.0.0.1", 17310).await);
    assert!(
        matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::Refused { .. })),
        "{error:?}"
    );
}

/// Silence instead of a greeting is a time-out.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_missing_greeting_is_a_time_out() {
    let device = ScriptedDome::start("> close").await;
    let error = connect_error(device.connect().await);
    let LinkError::Handshake(error) = &error else { panic!("{error:?}") };
    let error: &RequestError = error.downcast_ref().unwrap();
    assert!(matches!(error.cause(), Cause::NoReply { after } if *after == DEFAULT_REPLY_TIMEOUT), "{error:?}");
    device.finish().await;
}

/// Another greeting is another device, whether or not it ends in a prompt.
#[test_log::test(tokio::test(start_paused = true))]
async fn another_greeting_is_not_the_domes() {
    for (script, greeting) in [
        ("< 'ACE Main Bo' LF '>'\n> close", r"ACE Main Bo\n>"),
        ("< 'ACE Main Box>'\n> close", "ACE Main Box>"),
        ("< '>'\n> close", ">"),
        ("< 'SSH-2.0' CR LF\n< close", r"SSH-2.0\r\n"),
    ] {
        let device = ScriptedDome::start(script).await;
        let expected = format!(r#"the handshake failed: "{greeting}" came instead of "ACE Main Box\n>""#);
        assert_eq!(connect_error(device.connect().await).to_string(), expected);
        device.finish().await;
    }
}

/// A greeting that comes in pieces is one.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_greeting_may_come_byte_by_byte() {
    let device = ScriptedDome::start("< 'ACE Main Box' LF '>'").await;
    let proxy = FaultProxy::to(device.peer.host(), device.peer.port()).start().await.unwrap();
    let _sliced = proxy.add(faults::slices(1));
    assert!(Dome::connect(proxy.host(), proxy.port()).await.unwrap().link().is_ready());
    device.finish().await;
}
