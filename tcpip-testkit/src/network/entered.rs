//! Being in a network.

use std::fmt;

use tcpip_core::endpoint::{Entered, enter};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::MemoryNetwork;

impl MemoryNetwork {
    /// Has the clients that connect and the servers that start on this thread, and are not told of a network, meet in
    /// this one, until the guard is dropped. So code that knows nothing of it runs over it unchanged.
    ///
    /// It is for a test on a current-thread runtime, the only one whose clock can be paused: all the tasks of one are
    /// on this thread, so it reaches those that are spawned, but not `spawn_blocking`. A link that was started
    /// meanwhile also connects in it when it has been left. Of several that are entered, the last counts.
    ///
    /// # Panics
    ///
    /// Outside of a current-thread runtime: there, give the network to each client and server by its `network` option.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tcpip_client::Client;
    /// use tcpip_server::OneClientServer;
    /// use tcpip_testkit::MemoryNetwork;
    ///
    /// /// What a user has: a controller that takes a host and a port.
    /// async fn connect(host: &str, port: u16) -> Result<Client, tcpip_client::ConnectError> {
    ///     Client::builder(host, port).connect().await
    /// }
    ///
    /// let network = MemoryNetwork::new();
    /// let _entered = network.enter();
    /// let server = OneClientServer::builder().host("dome").port(17310).start().await?;
    /// let dome = connect("dome", 17310).await?;
    /// assert_eq!(dome.connection().peer_addr(), Some(server.local_addrs()[0]));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn enter(&self) -> EnteredNetwork {
        const INSTEAD: &str = "give the network to each client and server by `.network(&network)` instead";
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) => EnteredNetwork { _entered: enter(self.clone()) },
            Ok(_) => panic!("a network is entered on one thread, and this runtime has several: {INSTEAD}"),
            Err(error) => panic!("a network is entered on the thread of a runtime ({error}): {INSTEAD}"),
        }
    }
}

/// A [`MemoryNetwork`] that the thread is in. Dropping it leaves the network.
#[must_use = "the network is left when this is dropped"]
pub struct EnteredNetwork {
    _entered: Entered,
}

impl fmt::Debug for EnteredNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EnteredNetwork").finish_non_exhaustive()
    }
}
