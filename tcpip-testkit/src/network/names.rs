//! Which names have which addresses.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

/// The address of the first name; the next has the next.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Each name that has been spoken of, with its addresses.
#[derive(Debug)]
pub(super) struct Names {
    known: BTreeMap<String, Vec<IpAddr>>,
    next: Ipv4Addr,
}

impl Default for Names {
    fn default() -> Self {
        Self { known: [("localhost".to_owned(), vec![Ipv4Addr::LOCALHOST.into()])].into(), next: FIRST }
    }
}

impl Names {
    /// The addresses of a name, which is given one if it is new; an address has itself.
    pub(super) fn addresses(&mut self, name: &str) -> Vec<IpAddr> {
        if let Ok(address) = name.parse() {
            return vec![address];
        }
        let name = name.to_ascii_lowercase();
        if let Some(addresses) = self.known.get(&name) {
            return addresses.clone();
        }
        let addresses = vec![self.free().into()];
        self.known.insert(name, addresses.clone());
        addresses
    }

    pub(super) fn set(&mut self, name: &str, addresses: Vec<IpAddr>) {
        self.known.insert(name.to_ascii_lowercase(), addresses);
    }

    /// The next address that no name has.
    fn free(&mut self) -> Ipv4Addr {
        loop {
            let address = self.next;
            self.next = Ipv4Addr::from_bits(address.to_bits().wrapping_add(1));
            if !self.known.values().flatten().any(|known| *known == address) {
                return address;
            }
        }
    }
}
