//! What the controller makes of a dome that is late, silent, gone, or no dome.

use std::time::Duration;

use atdome_controller::{Command, DEFAULT_REPLY_TIMEOUT, Dome, DomeError, StatusError};
use tcpip_client::{Cause, ConnectError, DisconnectReason, LinkError, LinkState, ReadError, RequestError};
use tokio::time::timeout;

use crate::scripted_dome::{GREETING, ScriptedDome, refusing_port};

/// Short, where the peer never answers; everywhere else the default is not reached.
const SHORT: Duration = Duration::from_millis(50);

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
    let state = timeout(Duration::from_secs(5), failed).await.expect("the link is lost").unwrap();
    match &*state {
        LinkState::Backoff { error, .. } => match error {
            LinkError::Lost { reason } => reason.clone(),
            error => panic!("{error:?}"),
        },
        state => panic!("{state:?}"),
    }
}

/// A reply that does not come in time is an error that names the command, and the session ends at once.
#[test_log::test(tokio::test)]
async fn a_missing_reply_is_an_error_and_ends_the_session() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(SHORT).await;
    let error = no_reply(dome.command(Command::OpenMainDoor).await);
    assert!(matches!(error.cause(), Cause::NoReply { after } if *after == SHORT), "{error:?}");
    assert_eq!(error.to_string(), r#""OP\r\n": no reply came for 50ms"#);
    assert!(!dome.link().is_ready());
    assert_eq!(peer.rest().await, "OP\r\n");
    assert_eq!(lost(&dome).await, DisconnectReason::OutOfStep);
}

/// The reply that came too late is not the answer to the next command, nor to one in the next session.
/// Failure 32.
#[test_log::test(tokio::test)]
async fn a_late_reply_is_never_paired_with_the_next_command() {
    let peers = ScriptedDome::new().await;
    // Long enough for the answer below, on a busy machine.
    let (dome, mut peer) = peers.connected(10 * SHORT).await;
    assert!(no_reply(dome.send("OP").await).is_timeout());
    peer.send("late\n>").await;
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
    assert_eq!(peer.rest().await, "OP\r\n");

    let mut peer = peers.accept().await;
    peer.send(GREETING).await;
    dome.link().ready().await.unwrap();
    let answer = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.send("its own\n>").await;
    };
    assert_eq!(tokio::join!(dome.send("?"), answer).0.unwrap(), ["its own"]);
}

/// Half a reply in time is no reply in time, and the other half is nobody's.
#[test_log::test(tokio::test)]
async fn half_a_reply_is_no_reply() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(SHORT).await;
    let half = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.send("MAIN CLO").await;
    };
    let (reply, ()) = tokio::join!(dome.send("?"), half);
    let error = no_reply(reply);
    assert!(matches!(error.cause(), Cause::TooSlow { after } if *after == SHORT), "{error:?}");
    peer.send("SED 000\n>").await;
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
}

/// A command whose future was dropped before the reply leaves a reply that belongs to nobody: the session ends at once.
#[test_log::test(tokio::test)]
async fn the_reply_to_an_abandoned_command_is_never_paired_with_the_next() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    tokio::select! {
        biased;
        reply = dome.send("OP") => panic!("there is no reply yet: {reply:?}"),
        line = peer.line() => assert_eq!(line, "OP\r\n"),
    }
    assert!(!dome.link().is_ready());
    peer.send("late\n>").await;
    assert_eq!(ended(dome.send("?").await), DisconnectReason::OutOfStep);
    assert_eq!(peer.rest().await, "");
}

/// A hang-up in the middle of a reply is a lost connection.
#[test_log::test(tokio::test)]
async fn a_hang_up_within_a_reply_is_a_lost_connection() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let hang_up = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.send("MAIN CLOSED 000\nDR").await;
        drop(peer);
    };
    let (reply, ()) = tokio::join!(dome.send("?"), hang_up);
    let error = no_reply(reply);
    assert!(matches!(error.cause(), Cause::Read(ReadError::Incomplete { .. })), "{error:?}");
    assert!(!dome.link().is_ready());
    assert_eq!(lost(&dome).await, DisconnectReason::ClosedByPeer);
}

/// A reset instead of a reply says that it was one.
#[test_log::test(tokio::test)]
async fn a_reset_is_a_lost_connection() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let reset = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.reset();
    };
    let (reply, ()) = tokio::join!(dome.send("?"), reset);
    let error = no_reply(reply);
    let expected = DisconnectReason::Reset;
    assert!(
        matches!(error.cause(), Cause::Read(ReadError::Disconnected { reason }) if *reason == expected),
        "{error:?}"
    );
    assert_eq!(lost(&dome).await, DisconnectReason::Reset);
}

/// A hang-up while nothing is being said is noticed without a command, and told to the next one.
#[test_log::test(tokio::test)]
async fn a_hang_up_between_commands_is_noticed_at_once() {
    let peers = ScriptedDome::new().await;
    let (dome, peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    drop(peer);
    assert_eq!(lost(&dome).await, DisconnectReason::ClosedByPeer);
    for _ in 0..2 {
        assert_eq!(ended(dome.send("?").await), DisconnectReason::ClosedByPeer);
    }
}

/// A command that waits for its reply when the link is closed at this end fails at once.
#[test_log::test(tokio::test)]
async fn closing_fails_the_waiting_command() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let close = async {
        assert_eq!(peer.line().await, "?\r\n");
        dome.close().await;
    };
    let (reply, ()) = tokio::join!(dome.send("?"), close);
    let error = no_reply(reply);
    let expected = DisconnectReason::Closed;
    assert!(
        matches!(error.cause(), Cause::Read(ReadError::Disconnected { reason }) if *reason == expected),
        "{error:?}"
    );
    assert_eq!(ended(dome.send("?").await), DisconnectReason::Closed);
    dome.close().await;
}

/// A prompt is one where a line would begin: what does not end its last line is no reply, and the session is not to be
/// trusted any more.
#[test_log::test(tokio::test)]
async fn a_malformed_reply_ends_the_session() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(SHORT).await;
    let answer = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.send("no line end>").await;
    };
    let (reply, ()) = tokio::join!(dome.send("?"), answer);
    let error = no_reply(reply);
    assert!(matches!(error.cause(), Cause::TooSlow { .. }), "{error:?}");
    assert_eq!(lost(&dome).await, DisconnectReason::OutOfStep);
}

/// A reply that is no text is no reply, but its end is known, and the session stays in step.
#[test_log::test(tokio::test)]
async fn a_reply_that_is_no_text_leaves_the_link_in_step() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let answer = async {
        for reply in [b"\xff\n>".as_slice(), b"one\n>"] {
            peer.line().await;
            peer.send_bytes(reply).await;
        }
    };
    let commands = async { (dome.send("?").await, dome.send("?").await) };
    let ((broken, next), ()) = tokio::join!(commands, answer);
    let error = no_reply(broken);
    assert!(matches!(error.cause(), Cause::Value(_)), "{error:?}");
    assert_eq!(next.unwrap(), ["one"]);
}

/// A well-formed reply that is no status is an error, but the link stays in step.
#[test_log::test(tokio::test)]
async fn a_wrong_status_leaves_the_link_in_step() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let answer = async {
        for reply in ["MAIN CLOSED 000\n>", "one\n>"] {
            peer.line().await;
            peer.send(reply).await;
        }
    };
    let commands = async { (dome.short_status().await, dome.send("x").await) };
    let ((status, next), ()) = tokio::join!(commands, answer);
    let wrong = StatusError::LineCount { expected: 6, found: 1 };
    assert!(matches!(&status, Err(DomeError::Status(error)) if *error == wrong), "{status:?}");
    assert_eq!(next.unwrap(), ["one"]);
}

/// What is blank or more than one line is refused, and nothing of it is sent.
#[test_log::test(tokio::test)]
async fn only_one_command_is_sent_at_a_time() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    for line in ["", "  ", "OP\nHM", "OP\r\nHM", "OP\r", "\n"] {
        let reply = dome.send(line).await;
        assert!(matches!(&reply, Err(DomeError::NotOneCommand { line: refused }) if refused == line), "{reply:?}");
    }
    assert!(dome.link().is_ready());
    dome.close().await;
    assert_eq!(peer.rest().await, "");
}

/// A port on which nothing listens is a refused connection.
#[test_log::test(tokio::test)]
async fn a_refused_connection_is_an_error_of_its_own() {
    let (_socket, port) = refusing_port();
    let error = connect_error(Dome::connect("127.0.0.1", port).await);
    assert!(
        matches!(&error, LinkError::Connect(error) if matches!(**error, ConnectError::Refused { .. })),
        "{error:?}"
    );
}

/// Silence instead of a greeting is a time-out.
#[test_log::test(tokio::test)]
async fn a_missing_greeting_is_a_time_out() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = tokio::join!(peers.builder().reply_timeout(SHORT).connect(), peers.accept());
    let error = connect_error(dome);
    let LinkError::Handshake(error) = &error else { panic!("{error:?}") };
    let error: &RequestError = error.downcast_ref().unwrap();
    assert!(matches!(error.cause(), Cause::NoReply { after } if *after == SHORT), "{error:?}");
    assert_eq!(peer.rest().await, "", "the controller has hung up");
}

/// Another greeting is another device, whether or not it ends in a prompt.
#[test_log::test(tokio::test)]
async fn another_greeting_is_not_the_domes() {
    let peers = ScriptedDome::new().await;
    for (greeting, hangs_up) in
        [("ACE Main Bo\n>", false), ("ACE Main Box>", false), (">", false), ("SSH-2.0\r\n", true)]
    {
        let greet = async {
            let mut peer = peers.accept().await;
            peer.send(greeting).await;
            if hangs_up { None } else { Some(peer) }
        };
        let (dome, _peer) = tokio::join!(peers.builder().connect(), greet);
        let expected = format!(
            r#"the handshake failed: "{}" came instead of "ACE Main Box\n>""#,
            greeting.as_bytes().escape_ascii()
        );
        assert_eq!(connect_error(dome).to_string(), expected);
    }
}

/// A greeting that comes in pieces is one.
#[test_log::test(tokio::test)]
async fn a_greeting_may_come_byte_by_byte() {
    let peers = ScriptedDome::new().await;
    let greet = async {
        let mut peer = peers.accept().await;
        for byte in GREETING.chars() {
            peer.send(&byte.to_string()).await;
            tokio::task::yield_now().await;
        }
        peer
    };
    let (dome, _peer) = tokio::join!(peers.builder().connect(), greet);
    assert!(dome.unwrap().link().is_ready());
}
