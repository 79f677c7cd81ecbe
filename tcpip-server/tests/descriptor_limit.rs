//! A process that has run out of file descriptors. It is one of its own, since all of it suffers.
#![cfg(unix)]

use std::{
    fs::File,
    time::{Duration, Instant},
};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use tcpip_server::OneClientServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{sleep, timeout},
};

/// Takes all the descriptors that the process may have, until dropped.
fn exhaust_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// How long the process has been at work.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().expect("time is not negative")
}

/// Out of descriptors the accept loop neither spins nor ends; the client that is there is served, and the one that
/// waits is admitted within 1.5 s of the moment when there are descriptors again. Twice, since it may happen again.
/// Failure 23.
#[test_log::test(tokio::test)]
async fn accept_without_descriptors_neither_spins_nor_ends_and_recovers() {
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) }).unwrap();
    let server = OneClientServer::builder().start().await.unwrap();
    for _ in 0..2 {
        let waiting = TcpSocket::new_v4().unwrap();
        let hogs = exhaust_descriptors();
        assert!(!hogs.is_empty());
        let mut waiting = waiting.connect(server.local_addrs()[0]).await.unwrap();
        let before = cpu_time();
        sleep(Duration::from_millis(600)).await;
        let at_work = cpu_time().saturating_sub(before);
        assert!(at_work < Duration::from_millis(200), "it spins: {at_work:?} of 600 ms");
        assert!(!server.is_connected() && !server.is_closed());

        drop(hogs);
        let start = Instant::now();
        let session = timeout(Duration::from_secs(30), server.wait_connected()).await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());

        // Out of descriptors again, with a client: it is served, and the server can be closed to it.
        let hogs = exhaust_descriptors();
        waiting.write_all(b"status\r\n").await.unwrap();
        assert_eq!(session.read_str().await.unwrap(), "status");
        session.write_str("fine").await.unwrap();
        server.close_client().await;
        let mut reply = String::new();
        waiting.read_to_string(&mut reply).await.unwrap();
        assert_eq!(reply, "fine\r\n");
        drop(hogs);
    }
    // In the middle of such a pause, a close does not wait for its end.
    let waiting = TcpSocket::new_v4().unwrap();
    let _hogs = exhaust_descriptors();
    let _waiting = waiting.connect(server.local_addrs()[0]).await.unwrap();
    timeout(Duration::from_secs(30), server.close()).await.unwrap();
    assert!(server.is_closed());
}
