//! Why a scripted peer cannot do what it is asked to do.

use std::io;

use tcpip_core::{LookUpError, StartError};

use crate::script::{ScriptError, ScriptFailure, ScriptFault};

/// A scripted peer cannot be had, or cannot play.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The script cannot be had, or has something that this side cannot play.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The server cannot listen.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The host to connect to has no address.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// Nobody can be connected to.
    #[error("cannot connect to {host} on port {port}")]
    Connect {
        /// The host as it was given.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The script was not played to its end.
    #[error(transparent)]
    Failed(#[from] ScriptFailure),
}

impl From<ScriptFault> for PeerError {
    fn from(fault: ScriptFault) -> Self {
        Self::Script(fault.into())
    }
}
