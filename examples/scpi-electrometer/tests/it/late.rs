//! Replies that come late, or never.

use std::time::Duration;

use scpi_electrometer::{Electrometer, requests};
use tcpip_client::{Cause, OutOfStep};

use crate::setup::{IDENTITY, Setup, failure};

/// Short, for replies that are held back.
const SHORT: Duration = Duration::from_millis(50);

impl Setup {
    /// Has a measurement time out.
    async fn miss_a_reply(&self) {
        let impatient = Electrometer::new(&self.link.with(|options| options.reply_timeout(SHORT)));
        self.mock.handler().hold();
        let error = impatient.measure().await.unwrap_err();
        assert!(matches!(error.cause(), Cause::NoReply { after } if *after == SHORT), "{error:?}");
    }
}

/// A reply that comes late is not that of the next command, which waits for it, and has its own by the same session.
#[test_log::test(tokio::test)]
async fn a_late_reply_is_never_paired_with_the_next_command() {
    let setup = Setup::new().await;
    let session = setup.link.connection().number();
    setup.miss_a_reply().await;
    let release = async { setup.mock.handler().release() };
    let (identity, ()) = tokio::join!(setup.electrometer.identity(), release);
    assert_eq!(identity.unwrap(), IDENTITY);
    assert_eq!(setup.electrometer.measure().await.unwrap(), 2e-12);
    assert_eq!(setup.link.connection().number(), session);
    let late = r#"<- "MEAS?\r+1.000000E-12\r\n""#;
    assert!(setup.passed().iter().any(|line| line == late), "it came, and was dropped:\n{}", setup.log);
}

/// The same holds for a command whose caller is gone.
#[test_log::test(tokio::test)]
async fn an_abandoned_reply_is_never_paired_with_the_next_command() {
    let setup = Setup::new().await;
    setup.mock.handler().hold();
    let mock = setup.mock.connection();
    let has_come = async {
        while mock.stats().bytes_received == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        reply = setup.electrometer.measure() => panic!("there is no reply yet: {reply:?}"),
        () = has_come => {}
    }
    let release = async { setup.mock.handler().release() };
    let (trace, ()) = tokio::join!(setup.electrometer.trace(), release);
    assert_eq!(trace.unwrap(), [1e-12], "it was carried out");
}

/// A reply that does not come costs the session, and what comes by the next one is its own.
#[test_log::test(tokio::test)]
async fn a_reply_that_never_comes_costs_the_session() {
    let abandon = OutOfStep::Abandon { at_most: SHORT };
    let setup = Setup::with(|options| options.requests(requests().out_of_step(abandon))).await;
    let session = setup.link.connection().number();
    setup.miss_a_reply().await;
    assert_eq!(failure(&setup.link).await.to_string(), "lost: a reply is out of step");
    setup.mock.handler().release();
    assert_eq!(setup.electrometer.identity().await.unwrap(), IDENTITY);
    assert_ne!(setup.link.connection().number(), session);
}
