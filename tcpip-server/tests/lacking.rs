//! Servers on machines that lack an address, or a family of them. In a network namespace of its own, and with no other
//! test in its process: what starts a program has copies of all sockets for a moment.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

use std::{net::Ipv4Addr, process::Command};

use tcpip_server::{Family, LOCALHOST_IPV6, OneClientServer, StartError};
use tcpip_testkit::eventually;
use tokio::net::TcpStream;
use tracing::Level;

#[path = "it/log_count.rs"]
mod log_count;

use self::log_count::LogCount;

/// Runs an ignored test of this module where the loopback device has no `::1`, and `localhost` has.
fn check_without_ipv6_loopback(inside: &str) {
    let namespaces = Command::new("unshare").args(["-n", "-m", "true"]).output();
    if !namespaces.is_ok_and(|output| output.status.success()) {
        println!("skipped: no namespaces can be made here");
        return;
    }
    let script = "hosts=$(mktemp) && printf '127.0.0.1 localhost\\n::1 localhost\\n' > $hosts && \
                  mount --bind $hosts /etc/hosts && rm $hosts && ip link set lo up && \
                  { ip -6 addr del ::1/128 dev lo 2> /dev/null || true; } && echo ready && exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["-n", "-m", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", inside, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let (told, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !told.contains("ready") {
        println!("skipped: {log}");
        return;
    }
    assert!(output.status.success() && told.contains("1 passed"), "{told}{log}");
}

/// A name whose IPv6 address is in the hosts file and not on the machine, as in most containers, does not stop a
/// server: it listens on the other, and says so. Failure 43.
#[test]
fn an_address_that_the_machine_lacks_does_not_stop_a_server() {
    check_without_ipv6_loopback("inside_a_namespace_an_address_is_lacking");
}

/// The inner half of the test above, which runs it.
#[test_log::test(tokio::test)]
#[ignore = "run by an_address_that_the_machine_lacks_does_not_stop_a_server, in a namespace"]
async fn inside_a_namespace_an_address_is_lacking() {
    let (log, _listening) = LogCount::start();
    for port in [0, 17310] {
        let server = OneClientServer::builder().host("localhost").port(port).start().await.unwrap();
        assert_eq!(server.local_addrs(), [(Ipv4Addr::LOCALHOST, server.port()).into()]);
        let _client = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        eventually(server.wait_connected()).await.unwrap();
    }
    assert_eq!(log.of(Level::INFO, "not listening on [::1]").len(), 2);
    // Where there is no other address it is an error as any.
    for builder in [
        OneClientServer::builder().host(LOCALHOST_IPV6),
        OneClientServer::builder().host("localhost").family(Family::Ipv6),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(matches!(&error, StartError::Bind { address, .. } if address.is_ipv6()), "{error:?}");
    }
    OneClientServer::builder().all_interfaces().start().await.unwrap();
}
