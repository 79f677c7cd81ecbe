//! The network of a client or server.

use std::{fmt, ops::Deref, sync::Arc};

use super::{Network, Sockets};

/// The network of a client or server: the sockets of the system, unless it was given another, or is made where a test
/// has entered one.
#[derive(Clone, Default)]
pub struct AnyNetwork(Option<Arc<dyn Network>>);

impl AnyNetwork {
    /// One that was given.
    pub fn of(network: impl Network) -> Self {
        Self(Some(Arc::new(network)))
    }

    /// The one that was given, or else the one that this thread has entered: for what is made here and now.
    #[must_use]
    pub fn here(self) -> Self {
        #[cfg(feature = "entered-network")]
        return Self(self.0.or_else(super::entered::current));
        #[cfg(not(feature = "entered-network"))]
        self
    }

    /// Whether it is that of the system, since nobody has given another.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl Deref for AnyNetwork {
    type Target = dyn Network;

    fn deref(&self) -> &(dyn Network + 'static) {
        self.0.as_deref().unwrap_or(&Sockets)
    }
}

impl fmt::Debug for AnyNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
