//! What a test leaves behind is found.

use std::{
    error::Error,
    fs::{self, File},
    future::pending,
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    process,
    time::Duration,
};

use socket2::SockRef;
use tcpip_client::Client;
use tcpip_testkit::{LeakError, STD_TIMEOUT, TestOneClientReadLoopServer, no_leaks, no_leaks_within};
use tokio::time::{Instant, sleep};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

/// Sessions, servers and what they do in the background when they are dropped are no leaks.
#[test_log::test(tokio::test)]
async fn what_is_closed_is_no_leak() {
    for closes in [true, false] {
        let work = no_leaks(async {
            let server = TestOneClientReadLoopServer::builder().options(|server| server.port(0)).start().await?;
            let client = Client::builder(server.host(), server.port()).connect().await?;
            client.write_str("one").await?;
            assert_eq!(server.get_next_data().await?, "one");
            if closes {
                client.close().await;
                server.close().await;
            }
            Ok("done")
        });
        assert_eq!(work.await.unwrap(), "done");
    }
}

/// A task that nobody ends is found, and not those that were there before.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_task_that_goes_on_is_a_leak() {
    let before = tokio::spawn(pending::<()>());
    let mut left = None;
    let begin = Instant::now();
    let result = no_leaks(async {
        left = Some(tokio::spawn(pending::<()>()));
        Ok(())
    });
    let error = result.await.unwrap_err();
    assert_eq!(begin.elapsed(), STD_TIMEOUT);
    assert!(matches!(error, LeakError::Tasks { count: 1 }), "{error}");
    // One that ends soon is none.
    let result = no_leaks_within(LONG, async {
        tokio::spawn(sleep(Duration::from_secs(1)));
        Ok(())
    });
    result.await.unwrap();
    before.abort();
    left.expect("it has been done").abort();
}

/// A listener that stays open is found, and its port named; so is a file.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test(start_paused = true))]
async fn what_stays_open_is_a_leak() {
    let _before = TcpListener::bind("127.0.0.1:0").unwrap();
    let result = no_leaks_within(Duration::from_millis(20), async { Ok(TcpListener::bind("127.0.0.1:0")?) });
    let error = result.await.unwrap_err().to_string();
    assert!(error.contains("a socket on port "), "{error}");
    let result = no_leaks_within(Duration::from_millis(20), async { Ok(File::open("/dev/null")?) });
    let error = result.await.unwrap_err().to_string();
    assert!(error.contains("/dev/null"), "{error}");
}

/// So is a socket that its peer has reset, which has no port any more; and those of other kinds are none.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn a_reset_socket_that_stays_open_is_a_leak() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let result = no_leaks_within(Duration::from_millis(20), async {
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        SockRef::from(&server).set_linger(Some(Duration::ZERO))?;
        drop(server);
        Ok(client)
    });
    let error = result.await.unwrap_err().to_string();
    assert!(error.contains("a socket that is not connected"), "{error}");
    let others = async { Ok((UnixStream::pair()?, UdpSocket::bind("127.0.0.1:0")?)) };
    no_leaks_within(LONG, others).await.unwrap();
}

/// A file that was open before is no leak, though its path becomes another, or none.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_was_open_before_is_no_leak() {
    let path = std::env::temp_dir().join(format!("tcpip-open-before-{}", process::id()));
    let _before = File::create(&path).unwrap();
    let renamed = path.with_extension("renamed");
    no_leaks_within(Duration::from_millis(20), async { Ok(fs::rename(&path, &renamed)?) }).await.unwrap();
    no_leaks_within(Duration::from_millis(20), async { Ok(fs::remove_file(&renamed)?) }).await.unwrap();
}

/// The work's own error comes first.
#[test_log::test(tokio::test)]
async fn work_that_fails_says_why() {
    let error = no_leaks(async { Err::<(), _>("no dome".into()) }).await.unwrap_err();
    assert_eq!(error.to_string(), "the work failed");
    assert_eq!(error.source().unwrap().to_string(), "no dome");
}
