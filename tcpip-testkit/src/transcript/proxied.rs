//! Recording what passes through a proxy.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Record, Transcript, log::Passed, passing::PassingSession};
use crate::{
    faults::Direction,
    proxy::{self, FaultProxyBuilder, What, Wire},
    side::Side,
};

/// What the client has sent, and what has come to it: behind the faults.
impl Record for FaultProxyBuilder {
    fn record(self, transcript: &Transcript) -> Self {
        self.transcript(transcript.clone())
    }
}

/// The transcript of a proxy, once somebody wants one. A clone is of the same.
#[derive(Clone)]
pub(crate) struct Recording(Arc<State>);

struct State {
    transcript: OnceLock<Transcript>,
    /// A session has begun.
    has_begun: AtomicBool,
}

impl Recording {
    /// Into this transcript, or once it is asked for, into a new one.
    pub(crate) fn new(transcript: Option<Transcript>) -> Self {
        let transcript = transcript.map(OnceLock::from).unwrap_or_default();
        Self(Arc::new(State { transcript, has_begun: AtomicBool::new(false) }))
    }

    /// Returns the transcript, which has all that passes from now on.
    pub(crate) fn transcript(&self) -> Transcript {
        let State { transcript, has_begun } = &*self.0;
        let transcript = transcript.get_or_init(|| {
            let transcript = Transcript::new();
            if has_begun.load(Ordering::Relaxed) {
                transcript.log().begins_late();
            }
            transcript
        });
        transcript.clone()
    }

    fn is_on(&self) -> bool {
        self.0.transcript.get().is_some()
    }

    /// A session with the server at this port begins.
    pub(crate) fn session(&self, server_port: u16) -> SessionRecording {
        self.0.has_begun.store(true, Ordering::Relaxed);
        SessionRecording { recording: self.clone(), server_port, session: None }
    }
}

/// Not what is recorded, which may be much.
impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recording").field("is_on", &self.is_on()).finish_non_exhaustive()
    }
}

/// The recording of one session of a proxy.
pub(crate) struct SessionRecording {
    recording: Recording,
    server_port: u16,
    /// It is recorded already.
    session: Option<PassingSession>,
}

impl SessionRecording {
    /// Whether it is recorded.
    pub(crate) fn is_on(&self) -> bool {
        self.recording.is_on()
    }

    /// Notes what has passed, if it is recorded.
    pub(crate) fn note(&mut self, passed: &proxy::Passed<'_>) {
        if passed.wire != Wire::Client {
            return;
        }
        let Some(transcript) = self.recording.0.transcript.get() else { return };
        let server = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), self.server_port);
        let session = self.session.get_or_insert_with(|| transcript.passing(passed.at, None, Some(server)));
        let side = match passed.direction {
            Direction::ToServer => Side::Client,
            Direction::ToClient => Side::Server,
        };
        let what = match passed.what {
            What::Open => return,
            What::Bytes(bytes) => Passed::Bytes(bytes.to_vec()),
            What::End => Passed::Fin,
            What::Reset => Passed::Reset,
        };
        session.note(side, passed.at, what);
    }
}
