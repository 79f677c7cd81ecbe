//! Waiting for what must come.

use std::{panic::Location, time::Duration};

use tokio::time::{sleep, timeout};

use crate::STD_TIMEOUT;

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(1);

/// What [`eventually`] waits for: a condition, as a closure, or what a future gives. There is nothing to implement.
pub trait Eventual<Kind>: Sized {
    /// What it gives.
    type Output;

    #[doc(hidden)]
    fn come(self) -> impl Future<Output = Self::Output>;
}

/// Tells a closure from a future.
#[doc(hidden)]
#[derive(Debug)]
pub enum Condition {}

/// Tells a future from a closure.
#[doc(hidden)]
#[derive(Debug)]
pub enum Awaited {}

impl<F: FnMut() -> bool> Eventual<Condition> for F {
    type Output = ();

    async fn come(mut self) {
        while !self() {
            sleep(INTERVAL).await;
        }
    }
}

impl<F: Future> Eventual<Awaited> for F {
    type Output = F::Output;

    fn come(self) -> impl Future<Output = F::Output> {
        self
    }
}

/// Waits until a condition holds, or for what a future gives, and fails the test if that takes longer than
/// [`STD_TIMEOUT`].
///
/// A condition is looked at at once and then every millisecond, on the runtime's clock: a paused one passes in no time.
///
/// # Panics
///
/// If it has not come in time: the message says where it was called.
///
/// # Cancel safety
///
/// That of the future, which is dropped with it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::Client;
/// use tcpip_server::OneClientServer;
/// use tcpip_testkit::eventually;
///
/// let server = OneClientServer::builder().start().await?;
/// let client = Client::builder(server.host(), server.port()).connect().await?;
/// eventually(|| server.is_connected()).await;
/// server.write_str("ready").await?;
/// assert_eq!(eventually(client.read_str()).await?, "ready");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn eventually<Kind, E: Eventual<Kind>>(what: E) -> impl Future<Output = E::Output> {
    let place = Location::caller();
    async move {
        let in_time = timeout(STD_TIMEOUT, what.come()).await;
        in_time.unwrap_or_else(|_| panic!("what is awaited at {place} has not come within {STD_TIMEOUT:?}"))
    }
}
