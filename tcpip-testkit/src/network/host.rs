//! A host, and what can be wrong with it.

use std::{fmt, net::IpAddr};

use super::MemoryNetwork;

/// A host of a [`MemoryNetwork`], which [`host`](MemoryNetwork::host) gives. Dropping it changes nothing.
pub struct MemoryHost {
    network: MemoryNetwork,
    name: String,
}

impl MemoryHost {
    pub(super) fn new(network: &MemoryNetwork, name: &str) -> Self {
        Self { network: network.clone(), name: name.to_owned() }
    }

    /// Returns its addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.network.with(|state| state.names.addresses(&self.name))
    }

    /// Gives the name other addresses: several, those of other names, or none, which a look-up then tells. It changes
    /// nothing for whoever has looked it up before; what is an address itself stays that.
    ///
    /// ```
    /// use tcpip_testkit::MemoryNetwork;
    ///
    /// let network = MemoryNetwork::new();
    /// network.host("mirror").set_addresses([[10, 7, 0, 1].into(), [10, 7, 0, 2].into()]);
    /// assert_eq!(network.host("mirror").addresses().len(), 2);
    /// ```
    pub fn set_addresses(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        let addresses = addresses.into_iter().collect();
        self.network.with(|state| state.names.set(&self.name, addresses));
    }

    /// Has the name be looked up in vain, as one that nobody knows, until the guard is dropped. What is an address is
    /// never looked up.
    pub fn unknown(&self) -> Outage {
        Outage::begin(&self.network, What::Unknown(self.name.clone()))
    }

    /// Has its addresses refuse who connects, as if nobody listened there, until the guard is dropped.
    pub fn refuse(&self) -> Outage {
        Outage::begin(&self.network, What::Refusing(self.addresses()))
    }

    /// Has its addresses answer nobody who connects, as if a cable were unplugged, until the guard is dropped: who
    /// still waits then is connected. Those who are connected already are not touched.
    pub fn black_hole(&self) -> Outage {
        Outage::begin(&self.network, What::BlackHole(self.addresses()))
    }
}

impl fmt::Debug for MemoryHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MemoryHost").field(&self.name).finish()
    }
}

/// What is wrong with a [`MemoryHost`], until this is dropped. Of several, each counts until it is dropped itself; one
/// that answers nobody does not refuse either.
#[must_use = "it ends when this is dropped"]
pub struct Outage {
    network: MemoryNetwork,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Unknown(String),
    Refusing(Vec<IpAddr>),
    BlackHole(Vec<IpAddr>),
}

impl Outage {
    fn begin(network: &MemoryNetwork, what: What) -> Self {
        network.with(|state| state.outages.push(what.clone()));
        Self { network: network.clone(), what }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.network.with(|state| {
            let place = state.outages.iter().position(|outage| *outage == self.what);
            state.outages.swap_remove(place.expect("it is there as long as its guard"))
        });
        self.network.changed();
    }
}

impl fmt::Debug for Outage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Outage").field(&self.what).finish()
    }
}
