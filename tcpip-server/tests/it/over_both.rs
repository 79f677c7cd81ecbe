//! Tests that run over sockets and over a network in memory.

use std::{net::SocketAddr, time::Duration};

use tcpip_core::endpoint::AnyNetwork;
use tcpip_server::{AnyServer, ListenOptions};

/// Makes two tests of one: over sockets, and over a network in memory under a paused clock.
macro_rules! over_both {
    ($(#[$($attribute:tt)*])* async fn $name:ident() $body:block) => {
        async fn $name() $body

        mod $name {
            $(#[$($attribute)*])*
            async fn sockets() {
                super::$name().await;
            }

            $(#[$($attribute)*])*
            async fn memory() {
                tokio::time::pause();
                let _entered = tcpip_testkit::MemoryNetwork::new().enter();
                super::$name().await;
            }
        }
    };
}

pub(crate) use over_both;

/// Nothing here takes so long, on any machine.
pub(crate) const STUCK: Duration = Duration::from_secs(30);

/// Nobody listens at the server's address any more: it can be bound again.
pub(crate) fn port_is_free(server: &AnyServer) -> bool {
    is_free(server.local_addrs()[0])
}

/// Nobody listens there, in the network of the test.
pub(crate) fn is_free(address: SocketAddr) -> bool {
    let network = AnyNetwork::default().here();
    if network.is_default() {
        // Without a runtime, too.
        std::net::TcpListener::bind(address).is_ok()
    } else {
        network.listen(address, &ListenOptions::default()).is_ok()
    }
}
