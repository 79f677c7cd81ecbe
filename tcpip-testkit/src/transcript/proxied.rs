//! Recording what passes through a proxy.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Record, Transcript, log::Passed, passing::PassingSession};
use crate::{FaultProxyBuilder, ProxyTap, What, Wire, faults::Direction, side::Side};

/// What the client has sent, and what has come to it: behind the faults.
impl Record for FaultProxyBuilder {
    fn record(self, transcript: &Transcript) -> Self {
        let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.server_port());
        self.tap(Arc::new(ProxyRecorder { transcript: transcript.clone(), server, sessions: Mutex::default() }))
    }
}

/// Listens in between a proxy and its clients.
struct ProxyRecorder {
    transcript: Transcript,
    /// Whose port is known.
    server: SocketAddr,
    /// Those that have not ended.
    sessions: Mutex<HashMap<u64, Open>>,
}

struct Open {
    session: PassingSession,
    /// How many directions have ended.
    ended: usize,
}

impl ProxyTap for ProxyRecorder {
    fn passed(&self, passed: &crate::Passed<'_>) {
        if passed.wire != Wire::Client {
            return;
        }
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sessions.entry(passed.session).or_insert_with(|| {
            let session = self.transcript.passing(None, Some(self.server));
            Open { session, ended: 0 }
        });
        let side = match passed.direction {
            Direction::ToServer => Side::Client,
            Direction::ToClient => Side::Server,
        };
        let (what, ends) = match passed.what {
            What::Open => return,
            What::Bytes(bytes) => (Passed::Bytes(bytes.to_vec()), 0),
            What::End => (Passed::Fin, 1),
            What::Reset => (Passed::Reset, 2),
        };
        open.session.note(side, passed.at, what);
        open.ended += ends;
        if open.ended >= 2 {
            sessions.remove(&passed.session);
        }
    }
}
