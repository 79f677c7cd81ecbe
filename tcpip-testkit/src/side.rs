//! The two sides of a session.

/// Who does something. All that passes from the client to the server is the client's, whoever has recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// What begins its steps in a script.
    pub(crate) fn sign(self) -> char {
        match self {
            Self::Client => '>',
            Self::Server => '<',
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "the client",
            Self::Server => "the server",
        }
    }

    /// What this side has of its own and of its peer's, the client's first.
    pub(crate) fn client_first<T>(self, own: T, peers: T) -> (T, T) {
        match self {
            Self::Client => (own, peers),
            Self::Server => (peers, own),
        }
    }
}
