//! What the controller makes of a dome that is late, silent, gone, or no dome.

use std::time::Duration;

use atdome_controller::{Command, DEFAULT_REPLY_TIMEOUT, DomeError, StatusError};
use tcpip_client::{ConnectError, DisconnectReason};

use crate::scripted_dome::{GREETING, ScriptedDome, refusing_port};

/// Short, where the peer never answers; everywhere else the default is not reached.
const SHORT: Duration = Duration::from_millis(50);

/// A reply that does not come in time is an error that names the command, and the link is closed at once.
#[test_log::test(tokio::test)]
async fn a_missing_reply_is_an_error_and_closes_the_link() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(SHORT).await;
    let error = dome.command(Command::OpenMainDoor).await.unwrap_err();
    assert!(matches!(&error, DomeError::NoReply { command, after } if command == "OP" && *after == SHORT), "{error:?}");
    assert_eq!(error.to_string(), "the dome timed out: no reply to \"OP\" within 50ms");
    assert!(!dome.is_connected() && !dome.should_be_connected());
    assert_eq!(peer.rest().await, "OP\r\n");
}

/// The reply that came too late is not the answer to the next command, nor to one on the next link.
/// Failure 32.
#[test_log::test(tokio::test)]
async fn a_late_reply_is_never_paired_with_the_next_command() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(SHORT).await;
    assert!(matches!(dome.send("OP").await, Err(DomeError::NoReply { .. })));
    peer.send("late\n>").await;
    assert!(matches!(dome.send("?").await, Err(DomeError::Closed)));
    assert_eq!(peer.rest().await, "OP\r\n");

    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
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
    assert!(matches!(reply, Err(DomeError::NoReply { .. })));
    peer.send("SED 000\n>").await;
    assert!(matches!(dome.send("?").await, Err(DomeError::Closed)));
}

/// A command whose future was dropped before the reply leaves a reply that belongs to nobody: the link is closed.
#[test_log::test(tokio::test)]
async fn the_reply_to_an_abandoned_command_is_never_paired_with_the_next() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    tokio::select! {
        reply = dome.send("OP") => panic!("there is no reply yet: {reply:?}"),
        line = peer.line() => assert_eq!(line, "OP\r\n"),
    }
    peer.send("late\n>").await;
    assert!(matches!(dome.send("?").await, Err(DomeError::Abandoned)));
    assert!(matches!(dome.send("?").await, Err(DomeError::Closed)));
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
    let error = reply.unwrap_err();
    assert!(matches!(error, DomeError::Lost { reason: DisconnectReason::ClosedByPeer }), "{error:?}");
    assert_eq!(error.to_string(), "the connection to the dome is lost: closed by the peer");
    assert!(!dome.is_connected() && dome.should_be_connected(), "lost");
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
    assert!(matches!(reply, Err(DomeError::Lost { reason: DisconnectReason::Reset })), "{reply:?}");
    assert!(!dome.is_connected() && dome.should_be_connected(), "lost");
}

/// A hang-up while nothing is being said is noticed without a command, and told to the next one.
#[test_log::test(tokio::test)]
async fn a_hang_up_between_commands_is_noticed_at_once() {
    let peers = ScriptedDome::new().await;
    let (dome, peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    drop(peer);
    dome.wait_disconnected().await;
    assert!(!dome.is_connected() && dome.should_be_connected(), "lost");
    for _ in 0..2 {
        let reply = dome.send("?").await;
        assert!(matches!(reply, Err(DomeError::Lost { reason: DisconnectReason::ClosedByPeer })), "{reply:?}");
    }
    assert!(dome.should_be_connected(), "a command changes nothing about that");
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
    assert!(matches!(reply, Err(DomeError::Closed)), "{reply:?}");
    dome.close().await;
}

/// What does not end its last line, or is no text, is no reply, and the link is not to be trusted any more.
#[test_log::test(tokio::test)]
async fn a_malformed_reply_closes_the_link() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = peers.connected(DEFAULT_REPLY_TIMEOUT).await;
    let answer = async {
        assert_eq!(peer.line().await, "?\r\n");
        peer.send("no line end>").await;
    };
    let (reply, ()) = tokio::join!(dome.send("?"), answer);
    assert!(matches!(&reply, Err(DomeError::MalformedReply { command }) if command == "?"), "{reply:?}");
    assert!(!dome.is_connected());
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
    assert!(dome.is_connected());
    dome.close().await;
    assert_eq!(peer.rest().await, "");
}

/// A port on which nothing listens is a refused connection.
#[test_log::test(tokio::test)]
async fn a_refused_connection_is_an_error_of_its_own() {
    let (_socket, port) = refusing_port();
    let error = atdome_controller::Dome::connect("127.0.0.1", port).await.unwrap_err();
    assert!(matches!(error, DomeError::Connect(ConnectError::Refused { .. })), "{error:?}");
}

/// Silence instead of a greeting is a time-out.
#[test_log::test(tokio::test)]
async fn a_missing_greeting_is_a_time_out() {
    let peers = ScriptedDome::new().await;
    let (dome, mut peer) = tokio::join!(peers.builder().reply_timeout(SHORT).connect(), peers.accept());
    assert!(matches!(dome, Err(DomeError::NoGreeting { after }) if after == SHORT), "{dome:?}");
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
        assert!(matches!(&dome, Err(DomeError::WrongGreeting { found }) if found == greeting), "{dome:?}");
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
    assert!(dome.unwrap().is_connected());
}
