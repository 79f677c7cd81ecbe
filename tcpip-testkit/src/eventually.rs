//! Waiting for what must come.

use std::{
    fmt, mem,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Timeout, sleep, timeout};

/// How long [`eventually`] waits by default: a minute, far longer than anything takes that comes at all, also on a
/// machine with much else to do.
pub const DEFAULT_EVENTUALLY_TIMEOUT: Duration = Duration::from_mins(1);

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
/// [`DEFAULT_EVENTUALLY_TIMEOUT`], or than [`within`](Eventually::within) says.
///
/// A condition is looked at at once and then every millisecond, on the runtime's clock: a paused one passes in no time.
///
/// # Panics
///
/// If it has not come in time: the message says where this was called.
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
pub fn eventually<Kind, E: Eventual<Kind>>(what: E) -> Eventually<impl Future<Output = E::Output>> {
    Eventually { state: State::Begins(what.come(), DEFAULT_EVENTUALLY_TIMEOUT), place: Location::caller() }
}

/// What must come, which [`eventually`] waits for. Dropping it waits no longer.
#[must_use = "it waits for nothing until it is awaited"]
pub struct Eventually<F> {
    state: State<F>,
    place: &'static Location<'static>,
}

enum State<F> {
    Begins(F, Duration),
    Waiting(Pin<Box<Timeout<F>>>, Duration),
    Over,
}

impl<F: Future> Eventually<F> {
    /// Waits for so long. Default: [`DEFAULT_EVENTUALLY_TIMEOUT`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use tcpip_testkit::eventually;
    ///
    /// let homing = tokio::time::sleep(Duration::from_secs(90));
    /// eventually(homing).within(Duration::from_secs(100)).await;
    /// # }
    /// ```
    pub fn within(mut self, timeout: Duration) -> Self {
        if let State::Begins(_, after) = &mut self.state {
            *after = timeout;
        }
        self
    }
}

/// What it waits for is boxed before it is pinned.
impl<F> Unpin for Eventually<F> {}

impl<F: Future> Future for Eventually<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.state = match mem::replace(&mut self.state, State::Over) {
            State::Begins(what, after) => State::Waiting(Box::pin(timeout(after, what)), after),
            state => state,
        };
        let place = self.place;
        let State::Waiting(waiting, after) = &mut self.state else { panic!("it has come already") };
        match ready!(waiting.as_mut().poll(context)) {
            Ok(output) => {
                self.state = State::Over;
                Poll::Ready(output)
            }
            Err(elapsed) => panic!("what is awaited at {place} has not come within {after:?}: {elapsed}"),
        }
    }
}

impl<F> fmt::Debug for Eventually<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Eventually").field("place", &self.place).finish_non_exhaustive()
    }
}
