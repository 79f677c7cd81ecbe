//! What a link is at.

use std::time::Duration;

use super::LinkError;

/// What a [`Link`](super::Link) is at.
///
/// | state | goes on | with |
/// |---|---|---|
/// | `Connecting` | `Handshaking`, or `Ready` with neither a handshake nor a handler | a connection |
/// | `Connecting`, `Handshaking`, `Ready` | `Backoff` | an error, or the end of the session |
/// | the same | `Failed` | an error that is final, or the last attempt |
/// | `Handshaking` | `Ready` | the end of the handshake, and of what comes before `Ready` with a [handler](super::LinkBuilder::handler); in a [group](super::Group), when all are there |
/// | `Backoff` | `Connecting` | the end of the pause |
/// | any but `Failed` | `Closed` | [`close`](super::Link::close), the link dropped, or the end of its runtime |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkState {
    /// It connects, for the so-manieth time in a row.
    Connecting {
        /// From 1.
        attempt: usize,
    },
    /// It is connected, and the handshake runs.
    Handshaking,
    /// Requests go to the device. Never said of a session that has ended.
    Ready,
    /// It waits before it connects again.
    Backoff {
        /// How many attempts have failed in a row; 0 behind a session that was none of these.
        attempt: usize,
        /// How long it waits.
        pause: Duration,
        /// Why.
        error: LinkError,
    },
    /// It has given up, for good.
    Failed {
        /// Why.
        error: LinkError,
    },
    /// It was closed, for good.
    Closed,
}

impl LinkState {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Closed)
    }
}
