//! What a transcript keeps: the last of what passed, of however many sessions.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use tokio::time::Instant;

use super::{DEFAULT_KEPT_BYTES, DEFAULT_KEPT_CHUNKS};
use crate::side::Side;

/// What one side does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// The client connects.
    Open,
    Bytes(Vec<u8>),
    /// It ends what it sends.
    Fin,
    /// The same, and it reads no more.
    Close,
    Reset,
}

/// Which session: one of the library, by its number, or one of which a proxy or a scripted peer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SessionId {
    Recorded(u64),
    Passing(u64),
}

/// What there is to know about a session, but for what passes.
#[derive(Clone, Debug)]
pub(crate) struct SessionFacts {
    /// Which end tells of it; where that is a proxy, the client.
    pub(crate) end: Side,
    pub(crate) client: Option<SocketAddr>,
    pub(crate) server: Option<SocketAddr>,
    pub(crate) began: Instant,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) by: Side,
    pub(crate) at: Instant,
    pub(crate) passed: Passed,
}

/// What is kept of a session, in the order of the wire.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) facts: SessionFacts,
    pub(crate) entries: Vec<Entry>,
}

/// What has passed, and is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Recording began later than what is recorded.
    pub(crate) begins_late: bool,
    /// So many chunks and bytes were dropped to keep within the limits.
    pub(crate) chunks: u64,
    pub(crate) bytes: u64,
}

impl Missing {
    /// What is told of it, in lines.
    pub(super) fn lines(self) -> Vec<String> {
        let Self { begins_late, chunks, bytes } = self;
        let late = begins_late.then(|| "what passed before this was not recorded".to_owned());
        let dropped = (bytes > 0).then(|| format!("before this, {bytes} bytes in {chunks} chunks were dropped"));
        late.into_iter().chain(dropped).collect()
    }
}

#[derive(Debug)]
pub(super) struct Log {
    most_chunks: usize,
    most_bytes: usize,
    /// Those of which something is kept, and how much.
    sessions: BTreeMap<SessionId, (SessionFacts, usize)>,
    entries: VecDeque<(SessionId, Entry)>,
    bytes: usize,
    missing: Missing,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            most_chunks: DEFAULT_KEPT_CHUNKS,
            most_bytes: DEFAULT_KEPT_BYTES,
            sessions: BTreeMap::new(),
            entries: VecDeque::new(),
            bytes: 0,
            missing: Missing::default(),
        }
    }

    pub(super) fn keep(&mut self, chunks: usize, bytes: usize) {
        self.most_chunks = chunks;
        self.most_bytes = bytes;
        self.drop_what_is_too_much();
    }

    pub(super) fn push(&mut self, id: SessionId, mut entry: Entry, facts: impl FnOnce() -> SessionFacts) {
        if let Passed::Bytes(bytes) = &mut entry.passed {
            // Of a chunk that is too large by itself, the end.
            let too_many = bytes.len().saturating_sub(self.most_bytes);
            self.missing.bytes += bytes.drain(..too_many).len() as u64;
            self.bytes += bytes.len();
        }
        self.sessions.entry(id).or_insert_with(|| (facts(), 0)).1 += 1;
        self.entries.push_back((id, entry));
        self.drop_what_is_too_much();
    }

    fn drop_what_is_too_much(&mut self) {
        while self.entries.len() > self.most_chunks || self.bytes > self.most_bytes {
            let Some((id, entry)) = self.entries.pop_front() else { return };
            if let Passed::Bytes(bytes) = entry.passed {
                self.bytes -= bytes.len();
                self.missing.chunks += 1;
                self.missing.bytes += bytes.len() as u64;
            }
            if let Some((_, kept)) = self.sessions.get_mut(&id) {
                *kept -= 1;
                if *kept == 0 {
                    self.sessions.remove(&id);
                }
            }
        }
    }

    /// Says that what has passed before is not recorded.
    pub(super) fn begins_late(&mut self) {
        self.missing.begins_late = true;
    }

    pub(super) fn missing(&self) -> Missing {
        self.missing
    }

    /// What is kept, session by session, in the order in which they began.
    pub(super) fn sessions(&self) -> Vec<Session> {
        let mut sessions: BTreeMap<SessionId, Session> = self
            .sessions
            .iter()
            .map(|(id, (facts, _))| (*id, Session { facts: facts.clone(), entries: Vec::new() }))
            .collect();
        for (id, entry) in &self.entries {
            sessions.get_mut(id).expect("a session is known while an entry of it is kept").entries.push(entry.clone());
        }
        let mut sessions: Vec<Session> = sessions.into_values().collect();
        sessions.sort_by_key(|session| session.facts.began);
        for session in &mut sessions {
            // Both directions may be told at once; what caused the other has the earlier time.
            session.entries.sort_by_key(|entry| entry.at);
        }
        sessions
    }
}
