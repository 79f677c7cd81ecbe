//! The link itself.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, atomic::Ordering},
};

use tcpip_core::{Connection, Serve};
use tokio::sync::watch;

use super::{LinkBuilder, LinkError, LinkReader, LinkState, OnDemand, group::Links, member::Member, states::States};
use crate::{Requester, requests::Device};

/// A client that comes back: it connects, and again whenever its session ends, and is a valid handle all the time.
/// Requests are those of a [`Requester`], which it lends.
///
/// Nobody reads while nobody asks. So a device that talks unasked has a handler for its link
/// ([`LinkBuilder::handler`]), whose loop reads all the time, such as [`Commands`](crate::Commands) or one of your own;
/// it then has no requests, since two would read one stream.
///
/// While it is not [ready](Self::ready), requests fail at once with [`NotConnected`](crate::Cause::NotConnected), or
/// wait as long as [`ready_timeout`](crate::RequestOptions::ready_timeout) says, and nothing is sent.
///
/// Dropping it closes it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # tokio::spawn(async move {
/// #     use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
/// #     loop {
/// #         let (reader, mut writer) = listener.accept().await.unwrap().0.into_split();
/// #         writer.write_all(b"welcome\r\n").await.unwrap();
/// #         let mut lines = BufReader::new(reader).lines();
/// #         while let Ok(Some(line)) = lines.next_line().await {
/// #             if line == "hang up" { break }
/// #             writer.write_all(b"1.25\r\n").await.unwrap();
/// #         }
/// #     }
/// # });
/// use std::time::Duration;
/// use tcpip_client::{Backoff, Client, RequestOptions, line};
///
/// let device = Client::builder("127.0.0.1", port)
///     .name("electrometer")
///     .link()
///     .backoff(Backoff::exponential(Duration::from_millis(1), Duration::from_secs(30)))
///     .requests(RequestOptions::new().reply_timeout(Duration::from_secs(2)))
///     .handshake(|session| async move {
///         session.receive(line()).await?;         // its welcome
///         Ok(())
///     })
///     .start();
/// device.ready().await?;
/// let voltage: f64 = device.ask("VOLT?").await?.parse()?;
/// # assert_eq!(voltage, 1.25);
/// # device.ask("hang up").await.unwrap_err();
/// # device.ready().await?;
/// # assert_eq!(device.ask("VOLT?").await?, "1.25");
/// device.close().await;
/// # Ok(())
/// # }
/// ```
pub struct Link<H = OnDemand> {
    requester: Requester,
    handler: Arc<H>,
    member: Arc<Member>,
    links: Arc<Links>,
}

impl<H: LinkReader> Link<H> {
    /// One that is not started.
    pub(super) fn new(options: LinkBuilder<H>) -> Self {
        let LinkBuilder { mut opening, backoff, is_final, callbacks, group } = options;
        opening.client = opening.client.here();
        let (handler, requests) = (Arc::clone(&opening.handler), opening.requests.clone());
        let member = Arc::new(Member::new(opening, States::start(callbacks), backoff, is_final));
        handler.starts(Arc::<Device>::clone(&member.device));
        let requester = Requester::to(Arc::clone(&member.device), requests);
        let links = group.unwrap_or_default().0;
        Self { requester, handler, member, links }
    }

    /// Has it kept up, from now on.
    pub(super) fn start(self) -> Self {
        self.links.join(Arc::clone(&self.member));
        self
    }

    /// Has it kept up, for who waits for the outcome of the first attempt, and gives it up if that fails.
    pub(super) fn start_awaited(self) -> Self {
        self.member.is_awaited.store(true, Ordering::Relaxed);
        self.start()
    }

    /// Waits until it is known what became of the first attempt.
    pub(super) async fn first_attempt(&self) -> Result<(), LinkError> {
        self.member.states.first_attempt().await
    }

    /// Returns the connection of the present session, or of the last one.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.requester.connection()
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    ///
    /// The last error, if the link has given up. [`Closed`](LinkError::Closed), if it was closed.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn ready(&self) -> Result<(), LinkError> {
        self.member.ready().await
    }

    /// Waits until, from now on, a session is lost or an attempt fails, and returns why: the other end of a wait for
    /// what the device sends by itself, which then ends with the link. At once, if the link has given up or is closed.
    ///
    /// ```
    /// use tcpip_client::{Latest, Link, LinkError, ReadAndDispatch};
    ///
    /// async fn next<H: ReadAndDispatch>(link: &Link<H>, position: &Latest<f64>) -> Result<f64, LinkError> {
    ///     tokio::select! {
    ///         biased;
    ///         Some(position) = position.next() => Ok(position),
    ///         error = link.lost() => Err(error),
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. A loss before the next call is then not waited for.
    pub async fn lost(&self) -> LinkError {
        self.member.states.lost().await
    }

    /// Returns whether it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.member.is_ready()
    }

    /// Returns the states as a watch, which has the last one: each of them in order is what a
    /// [`state_callback`](LinkBuilder::state_callback) is told. Between the end of a session and the pause behind it
    /// the last state is still [`Ready`](LinkState::Ready) for a moment: [`is_ready`](Self::is_ready) knows.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<LinkState> {
        self.member.states.subscribe()
    }

    /// Closes the link for good, and its [group](super::Group) with it, and returns when that is done: from anywhere,
    /// in any state, within the deadlines of its client. Called from the handler, or another task of a session that is
    /// closed, it returns at once.
    ///
    /// # Cancel safety
    ///
    /// Once polled, it is closed without the future.
    pub async fn close(&self) {
        self.links.close(&[Arc::clone(&self.member)]).await;
    }
}

impl<H: Serve> Link<H> {
    /// Returns the handler, which all sessions share.
    #[must_use]
    pub fn handler(&self) -> &Arc<H> {
        &self.handler
    }
}

/// Requests, where no handler reads.
impl Deref for Link<OnDemand> {
    type Target = Requester;

    fn deref(&self) -> &Requester {
        &self.requester
    }
}

impl<H> Drop for Link<H> {
    fn drop(&mut self) {
        self.links.start_close();
    }
}

/// Whatever the handler is.
impl<H> fmt::Debug for Link<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.member.states.get();
        formatter.debug_struct("Link").field("name", &self.member.name).field("state", &state).finish_non_exhaustive()
    }
}
