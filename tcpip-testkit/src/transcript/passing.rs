//! A session that is none of the library: a proxy or a scripted peer tells what passes.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

use super::{
    Transcript,
    log::{Entry, Passed, SessionFacts, SessionId},
};
use crate::side::Side;

/// A session of which a proxy or a scripted peer tells what passes. A clone tells of the same session.
#[derive(Clone, Debug)]
pub(crate) struct PassingSession {
    transcript: Transcript,
    id: SessionId,
    facts: SessionFacts,
}

impl Transcript {
    /// A client has connected, then, to what tells of both: a proxy.
    pub(crate) fn passing(
        &self,
        began: Instant,
        client: Option<SocketAddr>,
        server: Option<SocketAddr>,
    ) -> PassingSession {
        self.begins(SessionFacts { end: Side::Client, client, server, began })
    }

    /// A client has connected, now; this end tells of it.
    pub(crate) fn told_by(&self, end: Side, client: Option<SocketAddr>, server: Option<SocketAddr>) -> PassingSession {
        self.begins(SessionFacts { end, client, server, began: Instant::now() })
    }

    fn begins(&self, facts: SessionFacts) -> PassingSession {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        let (began, id) = (facts.began, SessionId::Passing(SESSIONS.fetch_add(1, Ordering::Relaxed)));
        let session = PassingSession { transcript: self.clone(), id, facts };
        session.note(Side::Client, began, Passed::Open);
        session
    }
}

impl PassingSession {
    /// One side does that. Of each, in order.
    pub(crate) fn note(&self, by: Side, at: Instant, passed: Passed) {
        self.transcript.log().push(self.id, Entry { by, at, passed }, || self.facts.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Each direction may be told by a task of its own: what counts are the times.
    #[test]
    fn what_is_told_late_has_its_place() {
        let transcript = Transcript::new();
        let session = transcript.passing(Instant::now(), None, None);
        let at = |milliseconds| session.facts.began + Duration::from_millis(milliseconds);
        session.note(Side::Server, at(2), Passed::Bytes(b"reply".to_vec()));
        session.note(Side::Client, at(1), Passed::Bytes(b"command".to_vec()));
        session.note(Side::Client, at(2), Passed::Fin);
        session.note(Side::Server, at(2), Passed::Reset);
        let expected = "script 1\n+1ms > \"command\"\n+1ms < \"reply\"\n> fin\n< reset\n";
        assert_eq!(transcript.to_script(), expected);
        assert_eq!((transcript.sent(), transcript.received()), (b"command".to_vec(), b"reply".to_vec()));
    }
}
