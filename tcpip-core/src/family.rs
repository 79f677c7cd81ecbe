//! IPv4, IPv6, or both.

use std::net::SocketAddr;

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
