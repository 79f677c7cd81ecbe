//! What a client holds on to, measured for the whole process: a test binary of its own.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]
#![expect(clippy::items_after_statements, reason = "what starts the log stands before a test's own constants")]

use std::io::Write;

use tcpip_client::{Client, ReadError};

/// The most memory that the process has ever held, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Fault 12 of the model, failure 15: a stream without a terminator is told once as too long, costs no more memory
/// than the limit, and is in step again behind the next terminator.
#[test_log::test(tokio::test)]
async fn a_flood_without_a_terminator_is_bounded_and_told_once() {
    const FLOOD: usize = 64;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = Client::builder("127.0.0.1", port).connect().await.unwrap();
    let flood = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..FLOOD {
            peer.write_all(&chunk).unwrap();
        }
        peer.write_all(b"tail\r\nfirst\r\nsecond\r\n").unwrap();
        peer
    });
    client.read_exact(1).await.unwrap();
    let before = peak();
    assert!(matches!(client.read_str().await, Err(ReadError::FrameTooLong { limit }) if limit == client.limit()));
    assert_eq!(client.read_str().await.unwrap(), "first");
    assert_eq!(client.read_str().await.unwrap(), "second");
    let grown = peak() - before;
    assert!(grown < 8 << 20, "{FLOOD} MiB of flood took {grown} bytes of memory");
    drop(flood.join().unwrap());
}
