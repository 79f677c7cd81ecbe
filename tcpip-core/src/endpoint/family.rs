//! IPv4, IPv6, or both.

use std::{io, net::SocketAddr};

/// Which addresses of a host to use: those that a client tries, or that a server listens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Family {
    /// All of them.
    #[default]
    Any,
    /// IPv4 alone.
    #[doc(alias = "AF_INET")]
    Ipv4,
    /// IPv6 alone.
    #[doc(alias = "AF_INET6")]
    Ipv6,
}

impl Family {
    /// Whether `address` is one of the family.
    #[must_use]
    pub fn contains(self, address: SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// Whether an error says that this machine lacks an address, or its whole family, and not that it may not be used.
#[doc(hidden)]
#[must_use]
pub fn is_lacking(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || is_unsupported(error)
}

#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::AFNOSUPPORT)
}

#[cfg(not(unix))]
fn is_unsupported(error: &io::Error) -> bool {
    const WSAEAFNOSUPPORT: i32 = 10047;
    error.raw_os_error() == Some(WSAEAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A family that the system does not know is lacking, and so is an address that no interface has.
    #[test]
    fn a_family_that_the_system_does_not_know_is_lacking() {
        #[cfg(unix)]
        assert!(is_lacking(&rustix::io::Errno::AFNOSUPPORT.into()));
        assert!(is_lacking(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(!is_lacking(&io::ErrorKind::AddrInUse.into()));
    }
}
