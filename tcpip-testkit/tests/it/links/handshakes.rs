//! What a link does before it is ready.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tcpip_client::{Framing, LinkError, LinkState, RequestOptions, WireLog, line};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{SECOND, TICK, by_hand, failure, greeted, link, next, serve};

/// Who is given the builder of a link adds to the options of its client.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_options_of_its_client_may_be_added_to() {
    let network = MemoryNetwork::new();
    let _device = serve(&network).await;
    let log = WireLog::ring(10);
    let link = link(&network).client(|client| client.wire_log(&log)).connect().await.unwrap();
    assert_eq!(link.ask("one").await.unwrap(), "one");
    assert_eq!(log.frames().len(), 3, "{log}");
}

/// A handshake that fails, or has no end, is an attempt that failed; one that is refused for good ends the link.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_handshake_comes_before_ready() {
    let network = MemoryNetwork::new();
    let server = serve(&network).await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let link = link(&network)
        .handshake_timeout(3 * SECOND)
        .final_when(|error| matches!(error, LinkError::Handshake(error) if error.to_string().contains("password")))
        .handshake(move |session| {
            let tries = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                session.receive(line()).await?;
                match tries {
                    0 => Err("not yet".into()),
                    1 => std::future::pending().await,
                    2 => panic!("as a handshake may"),
                    3 => {
                        assert_eq!(session.ask("hello").await?, "hello");
                        Ok(())
                    }
                    _ => Err("wrong password".into()),
                }
            }
        })
        .start();
    let mut states = link.states();
    let mut errors = Vec::new();
    loop {
        match next(&mut states).await {
            LinkState::Backoff { error, .. } => errors.push(error.to_string()),
            LinkState::Ready => break,
            _ => {}
        }
    }
    assert_eq!(
        errors,
        [
            "the handshake failed: not yet",
            "the handshake has not ended for 3s",
            "the handshake failed: it panicked: as a handshake may",
        ]
    );
    assert_eq!(link.ask("?").await.unwrap(), "?");
    link.ask("hang up").await.unwrap_err();
    let error = link.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "the handshake failed: wrong password");
    let error = link.ask("?").await.unwrap_err();
    assert_eq!(error.to_string(), "\"?\\r\\n\": not connected: the handshake failed: wrong password");
    assert!(matches!(*link.states().borrow(), LinkState::Failed { .. }));
    assert_eq!(tries.load(Ordering::Relaxed), 5);
    link.close().await;
    server.close().await;
}

/// A device that says nothing where it should greet is there, and has turned nobody away: the handshake failed.
#[test_log::test(tokio::test)]
async fn a_greeting_that_does_not_come_is_a_handshake_that_failed() {
    let (_listener, link) = by_hand().await;
    let requests = RequestOptions::new().reply_timeout(20 * TICK);
    let link = greeted(link.requests(requests)).start();
    let error = failure(&mut link.states()).await;
    assert_eq!(error.to_string(), "the handshake failed: no reply came for 20ms");
}

/// What trails the last reply of the handshake is nothing to the first request behind it.
#[test_log::test(tokio::test)]
async fn what_trails_a_handshake_is_nothing() {
    let (listener, link) = by_hand().await;
    let link = link.handshake(|session| async move {
        session.receive(Framing::json_values()).await?;
        Ok(())
    });
    let link = link.start();
    let (mut device, _) = eventually(listener.accept()).await.unwrap();
    device.write_all(b"{\"welcome\": true}\r\n").await.unwrap();
    eventually(link.ready()).await.unwrap();
    let asking = eventually(link.ask("?"));
    let (reply, ()) = tokio::join!(asking, async {
        eventually(device.read_exact(&mut [0; 3])).await.unwrap();
        device.write_all(b"yes\r\n").await.unwrap();
    });
    assert_eq!(reply.unwrap(), "yes");
    eventually(link.close()).await;
}
