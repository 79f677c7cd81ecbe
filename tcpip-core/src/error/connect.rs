//! What connecting can come to.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{LookUpError, OptionError};
use crate::endpoint::is_lacking;

/// A client could not connect. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host has no address that could be used.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
    /// Nobody listens there: every address of the host refused that can be reached from this machine at all.
    #[error(transparent)]
    Refused(ConnectFailure),
    /// The connection could not be made for another reason, an unreachable network for example.
    #[error(transparent)]
    Failed(ConnectFailure),
    /// The stream that was given is not connected any more.
    #[error("the stream is not connected")]
    Stream(#[source] io::Error),
    /// The deadline passed, which covers the look-up and all addresses.
    #[error("connecting to {} timed out after {after:?}{}", Target { host, port: *port }, Pending { host, attempts })]
    Timeout {
        /// The host as it was given.
        host: String,
        /// The port.
        port: u16,
        /// The deadline that passed.
        after: Duration,
        /// The addresses that were tried, in that order; none if the look-up of the name took so long.
        attempts: Vec<ConnectAttempt>,
    },
    /// An option has a value that it cannot have.
    #[error(transparent)]
    Option(#[from] OptionError),
}

impl ConnectError {
    /// Returns the kind of [`std::io::Error`] that says the same.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::LookUp(error) => error.io_kind(),
            Self::Stream(source) => source.kind(),
            Self::Refused(failure) | Self::Failed(failure) => failure.io_kind(),
            Self::Timeout { .. } => io::ErrorKind::TimedOut,
            Self::Option(_) => io::ErrorKind::InvalidInput,
        }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::new(error.io_kind(), error)
    }
}

/// No address of a host could be connected to: what each said.
///
/// The text names them all. The [`source`](std::error::Error::source) is what the first of them said, one that can be
/// reached from this machine if there is such a one.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectFailure {
    /// The host as it was given.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The addresses in the order in which they were tried.
    pub attempts: Vec<ConnectAttempt>,
}

impl ConnectFailure {
    /// The error of connecting to `host`, after all of `attempts` have failed.
    #[doc(hidden)]
    #[must_use]
    pub fn into_error(host: &str, port: u16, attempts: Vec<ConnectAttempt>) -> ConnectError {
        let failure = Self { host: host.to_owned(), port, attempts };
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if failure.cause().is_some_and(refused) && failure.errors().all(|error| refused(error) || out_of_reach(error)) {
            ConnectError::Refused(failure)
        } else {
            ConnectError::Failed(failure)
        }
    }

    fn errors(&self) -> impl Iterator<Item = &io::Error> {
        self.attempts.iter().filter_map(|attempt| attempt.error.as_ref())
    }

    /// What tells most of the reason.
    fn cause(&self) -> Option<&io::Error> {
        self.errors().find(|error| !out_of_reach(error)).or_else(|| self.errors().next())
    }

    fn io_kind(&self) -> io::ErrorKind {
        self.cause().map_or(io::ErrorKind::Other, io::Error::kind)
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, attempts } = self;
        match &attempts[..] {
            [only] if is_address(host) && only.is_refused() => only.fmt(formatter),
            [only] if is_address(host) => write!(formatter, "cannot connect to {}: {}", only.address, Outcome(only)),
            _ => write!(formatter, "cannot connect to {}: {}", Target { host, port: *port }, Listed(attempts)),
        }
    }
}

impl std::error::Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|error| error as _)
    }
}

/// What became of one address of a host. Its text says both.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// The address.
    pub address: SocketAddr,
    /// What the system said; `None` if it has not said anything before the deadline passed.
    pub error: Option<io::Error>,
}

impl ConnectAttempt {
    #[doc(hidden)]
    #[must_use]
    pub fn new(address: SocketAddr, error: Option<io::Error>) -> Self {
        Self { address, error }
    }

    fn is_refused(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

impl fmt::Display for ConnectAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.error {
            Some(error) if error.kind() != io::ErrorKind::ConnectionRefused => {
                write!(formatter, "{address}: {}", Reason(error))
            }
            _ => write!(formatter, "{address} {}", Outcome(self)),
        }
    }
}

/// What an address said, as what follows it.
struct Outcome<'a>(&'a ConnectAttempt);

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.error {
            None => formatter.write_str("did not answer"),
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                formatter.write_str("refused the connection")
            }
            Some(error) => Reason(error).fmt(formatter),
        }
    }
}

/// An error in few words, without the system's own, which are in `source()`; with them if its kind has no name.
struct Reason<'a>(&'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The kinds without a name cannot be named here either.
        let nameless = io::Error::from_raw_os_error(i32::MAX).kind();
        match self.0.kind() {
            kind if kind == nameless || kind == io::ErrorKind::Other => self.0.fmt(formatter),
            kind => kind.fmt(formatter),
        }
    }
}

/// Host and port, as one would write them.
struct Target<'a> {
    host: &'a str,
    port: u16,
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, self.port).fmt(formatter),
            Err(_) => write!(formatter, "{}:{}", self.host.escape_debug(), self.port),
        }
    }
}

struct Listed<'a>(&'a [ConnectAttempt]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attempt) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{attempt}")?;
        }
        Ok(())
    }
}

/// What is to be said of addresses when the deadline has passed.
struct Pending<'a> {
    host: &'a str,
    attempts: &'a [ConnectAttempt],
}

impl fmt::Display for Pending<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempts {
            [] => formatter.write_str(": the look-up of the name has not ended"),
            // It is the target.
            [_] if is_address(self.host) => Ok(()),
            attempts => write!(formatter, ": {}", Listed(attempts)),
        }
    }
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Whether an address cannot be asked from this machine, so that it has said nothing.
fn out_of_reach(error: &io::Error) -> bool {
    is_lacking(error) || error.kind() == io::ErrorKind::NetworkUnreachable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(address: &str, kind: io::ErrorKind) -> ConnectAttempt {
        ConnectAttempt::new(address.parse().unwrap(), Some(kind.into()))
    }

    /// The text names host, port and what each address said; an address that is the host is named once.
    #[test]
    fn the_text_names_host_and_port_and_what_each_address_said() {
        use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
        let refused = || attempt("10.0.0.7:17310", ConnectionRefused);
        let unreachable = || attempt("[2001:db8::7]:17310", NetworkUnreachable);
        let off = || attempt("10.0.0.8:17310", HostUnreachable);
        let silent = || ConnectAttempt::new("10.0.0.9:17310".parse().unwrap(), None);
        let failed = |host: &str, attempts| ConnectFailure::into_error(host, 17310, attempts);
        let after = Duration::from_secs(5);
        let timeout = |host: &str, attempts| ConnectError::Timeout { host: host.into(), port: 17310, after, attempts };
        for (error, text) in [
            (failed("10.0.0.7", vec![refused()]), "10.0.0.7:17310 refused the connection"),
            (failed("10.0.0.8", vec![off()]), "cannot connect to 10.0.0.8:17310: host unreachable"),
            (failed("dome", vec![refused()]), "cannot connect to dome:17310: 10.0.0.7:17310 refused the connection"),
            (
                failed("dome", vec![unreachable(), refused()]),
                "cannot connect to dome:17310: [2001:db8::7]:17310: network unreachable, 10.0.0.7:17310 refused the \
                 connection",
            ),
            (timeout("10.0.0.9", vec![silent()]), "connecting to 10.0.0.9:17310 timed out after 5s"),
            (
                timeout("dome", vec![silent(), refused()]),
                "connecting to dome:17310 timed out after 5s: 10.0.0.9:17310 did not answer, 10.0.0.7:17310 refused \
                 the connection",
            ),
            (
                timeout("dome", vec![]),
                "connecting to dome:17310 timed out after 5s: the look-up of the name has not ended",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    /// It is a refusal if all addresses refused that this machine can ask, and else another failure, of the kind that
    /// tells most.
    #[test]
    fn a_refusal_is_one_by_all_that_can_be_asked() {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
        for (kinds, is_refused, kind) in [
            (&[ConnectionRefused, ConnectionRefused][..], true, ConnectionRefused),
            (&[NetworkUnreachable, ConnectionRefused], true, ConnectionRefused),
            (&[ConnectionRefused, AddrNotAvailable], true, ConnectionRefused),
            (&[ConnectionRefused, HostUnreachable], false, ConnectionRefused),
            (&[NetworkUnreachable, HostUnreachable], false, HostUnreachable),
            (&[NetworkUnreachable], false, NetworkUnreachable),
        ] {
            let attempts = kinds.iter().map(|kind| attempt("10.0.0.7:1", *kind)).collect();
            let error = ConnectFailure::into_error("dome", 1, attempts);
            assert_eq!(matches!(error, ConnectError::Refused(_)), is_refused, "{kinds:?}");
            assert_eq!(io::Error::from(error).kind(), kind, "{kinds:?}");
        }
    }
}
