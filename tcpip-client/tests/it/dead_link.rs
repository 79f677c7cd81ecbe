//! A link that dies, and what is behind it. Over TCP alone, which notices.

use std::{io, process::Command, time::Duration};

use tcpip_client::{Client, ClientBuilder, DisconnectReason, ReadError, WriteError};
use tcpip_testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::kinds::{Tcp, meet_told, reset};

/// Fault 17 of the model, failure 7: a link that died with data in flight is a dead link to everybody, and not the
/// timeout that a slow reply is. In a network namespace of its own, where that takes a second.
#[test]
fn a_dead_link_is_not_a_timeout() {
    let inside = "dead_link::inside_a_namespace_a_link_dies";
    let namespace = Command::new("unshare").args(["-n", "true"]).output();
    if !namespace.is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespace can be made here");
        return;
    }
    let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_retries2 && exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", inside, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (told, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !told.contains("inside") && log.contains("/proc/sys/net/ipv4/tcp_retries2") {
        println!("skipped: {log}");
        return;
    }
    assert!(output.status.success() && told.contains("1 passed"), "{told}{log}");
}

/// The inner half of the test above, which runs it.
#[test_log::test(tokio::test)]
#[ignore = "run by a_dead_link_is_not_a_timeout, in a namespace"]
async fn inside_a_namespace_a_link_dies() {
    println!("inside");
    for reading in [false, true] {
        let (client, mut peer, mut events) = meet_told::<Tcp>(|client| client).await;
        peer.write_all(b"arrived\r\n").await.unwrap();
        assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
        client.write_str("into the void").await.expect("the system takes it");
        if reading {
            assert_eq!(client.read_str().await.unwrap(), "arrived");
            let error = eventually(client.read_str()).await.unwrap_err();
            assert_dead(error);
        }
        assert_eq!(events.disconnected().await, DisconnectReason::LinkDead);
        assert_eq!(DisconnectReason::LinkDead.to_string(), "the link is dead");
        if !reading {
            assert_eq!(client.read_str().await.unwrap(), "arrived");
            assert_dead(client.read_str().await.unwrap_err());
        }
        assert!(matches!(client.write_str("x").await, Err(WriteError::NotConnected { .. })));
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        reset(peer).await;
    }
    // Whatever the system's own patience is, minutes here, that of `tcp_user_timeout` counts.
    std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "15").unwrap();
    let patience = Duration::from_millis(300);
    let builder = |client: ClientBuilder| client.tcp_user_timeout(patience).write_timeout(None);
    let (client, peer, mut events) = meet_told::<Tcp>(builder).await;
    assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
    client.write_str("into the void").await.expect("the system takes it");
    assert_eq!(events.disconnected().await, DisconnectReason::LinkDead);
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    reset(peer).await;
    // Nothing is behind an address without a route.
    assert!(Command::new("ip").args(["link", "set", "lo", "down"]).status().unwrap().success());
    let error = eventually(Client::builder("192.0.2.1", 1).connect()).await.unwrap_err();
    assert!(matches!(error, tcpip_client::ConnectError::Failed { .. }), "{error:?}");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NetworkUnreachable);
}

fn assert_dead(error: ReadError) {
    assert!(matches!(error, ReadError::Disconnected { reason: DisconnectReason::LinkDead }), "{error:?}");
    assert_eq!(error.to_string(), "disconnected: the link is dead");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::HostUnreachable);
}
