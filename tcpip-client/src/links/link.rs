//! The link itself.

use std::{ops::Deref, sync::Arc};

use tokio::sync::watch;

use super::{LinkBuilder, LinkError, LinkState, keeper::run_link};
use crate::{Requester, requests::Device};

/// A client that comes back: it connects, and again whenever its session ends, and is a valid handle all the time.
/// Requests are those of a [`Requester`], which it lends.
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
#[derive(Debug)]
pub struct Link {
    requester: Requester,
    states: watch::Receiver<LinkState>,
    closing: watch::Sender<bool>,
}

impl Link {
    pub(super) fn start(options: LinkBuilder) -> Self {
        let (state, states) = watch::channel(LinkState::Connecting { attempt: 1 });
        let device = Arc::new(Device::of_link(states.clone()));
        let requester = Requester::to(Arc::clone(&device), options.requests.clone());
        let (closing, is_closing) = watch::channel(false);
        tokio::spawn(run_link(options, device, state, is_closing));
        Self { requester, states, closing }
    }

    /// Waits until requests go to the device.
    ///
    /// # Errors
    ///
    /// The last error, if the link has given up. A link that was closed is [`Lost`](LinkError::Lost).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn ready(&self) -> Result<(), Arc<LinkError>> {
        loop {
            self.requester.device().ready().await;
            match &*self.states.borrow() {
                LinkState::Failed { error } => return Err(Arc::clone(error)),
                LinkState::Closed => return Err(closed()),
                LinkState::Ready if self.connection().is_connected() => return Ok(()),
                // The runtime is gone, and the link with it.
                _ if self.states.has_changed().is_err() => return Err(closed()),
                _ => {}
            }
        }
    }

    /// Returns whether requests go to the device.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(*self.states.borrow(), LinkState::Ready) && self.connection().is_connected()
    }

    /// Returns the states as a watch, which says when they change. Between the end of a session and the pause behind it
    /// the last state is still [`Ready`](LinkState::Ready) for a moment: [`is_ready`](Self::is_ready) knows.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<LinkState> {
        self.states.clone()
    }

    /// Closes the link for good, and returns when that is done: from anywhere, in any state, within the deadlines of
    /// its client.
    ///
    /// # Cancel safety
    ///
    /// Once polled, it is closed without the future.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let mut states = self.states();
        let _ = states.wait_for(LinkState::is_final).await;
    }
}

pub(super) fn closed() -> Arc<LinkError> {
    Arc::new(LinkError::Lost { reason: tcpip_core::DisconnectReason::Closed })
}

/// Requests.
impl Deref for Link {
    type Target = Requester;

    fn deref(&self) -> &Requester {
        &self.requester
    }
}
