//! The connection events of one party, as they come.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tcpip_server::{ConnectionEvent, DisconnectReason};
use tokio::{sync::Notify, time::timeout};

use crate::{
    deviation::{Deviation, expect},
    screen::Screen,
};

/// How soon an event must be there. It takes less than a millisecond; this is for a busy machine.
const SOON: Duration = Duration::from_secs(1);

/// Shows each event as it comes, and remembers it for the check at the end.
#[derive(Clone)]
pub(crate) struct Journal {
    who: &'static str,
    screen: Arc<Screen>,
    entries: Arc<Mutex<Vec<Entry>>>,
    arrived: Arc<Notify>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Connected,
    Disconnected(DisconnectReason),
}

impl Journal {
    pub(crate) fn new(who: &'static str, screen: &Arc<Screen>) -> Self {
        Self { who, screen: Arc::clone(screen), entries: Arc::default(), arrived: Arc::default() }
    }

    /// What to build a client or a server with.
    pub(crate) fn callback(&self) -> impl Fn(ConnectionEvent) -> std::future::Ready<()> + Send + Sync + 'static {
        let journal = self.clone();
        move |event| {
            journal.note(event.reason().map_or(Entry::Connected, Entry::Disconnected));
            std::future::ready(())
        }
    }

    /// Fails unless there are exactly these events, in this order, and soon.
    pub(crate) async fn expect(&self, expected: &[Entry]) -> Result<(), Deviation> {
        let all_there = async {
            while self.entries().len() < expected.len() {
                self.arrived.notified().await;
            }
        };
        let _ = timeout(SOON, all_there).await;
        let entries = self.entries();
        expect(*entries == expected, || format!("{} saw {entries:?} and not {expected:?}", self.who))
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, entry: Entry) {
        match &entry {
            Entry::Connected => self.screen.say(self.who, "event: connected"),
            Entry::Disconnected(reason) => self.screen.say(self.who, &format!("event: disconnected, {reason}")),
        }
        self.entries().push(entry);
        self.arrived.notify_one();
    }
}
