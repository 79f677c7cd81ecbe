//! The network of a client or server.

use std::{fmt, ops::Deref, sync::Arc};

use super::{Network, Sockets};

/// The network of a client or server: the sockets of the system, unless it was given another, or was made where a test
/// has entered one.
#[derive(Clone)]
pub struct AnyNetwork(Option<Arc<dyn Network>>);

impl AnyNetwork {
    /// One that was given.
    pub fn of(network: impl Network) -> Self {
        Self(Some(Arc::new(network)))
    }
}

/// The network that this thread has entered, or the sockets of the system.
impl Default for AnyNetwork {
    #[cfg(feature = "entered-network")]
    fn default() -> Self {
        Self(super::entered::current())
    }

    #[cfg(not(feature = "entered-network"))]
    fn default() -> Self {
        Self(None)
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
