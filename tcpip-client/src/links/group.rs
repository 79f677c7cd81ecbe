//! Links that are up together, or not at all.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use tcpip_core::endpoint::Lock;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
};

use super::{LinkError, LinkState, keeper::run_links, member::Member};

/// Links that are up together or not at all, such as those to the command port and the telemetry port of one device.
/// A link joins with [`LinkBuilder::group`](super::LinkBuilder::group), as it starts.
///
/// They connect in the order in which they joined, one after another, and are ready together. When one is lost, the
/// sessions of the others end as well, in the opposite order, and are
/// [told so](tcpip_core::DisconnectReason::GroupLost); then all pause, by the backoff of the first, and connect again.
/// What ends one of them for good ends all: closing or dropping it, or an error that is final.
///
/// Clones are the same group. Dropping them does nothing.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # use tokio::{io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader}, net::TcpListener};
/// # let (commands, telemetry) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
/// # let (command_port, telemetry_port) = (commands.local_addr()?.port(), telemetry.local_addr()?.port());
/// # tokio::spawn(async move {
/// #     let (mut commands, mut telemetry) = (commands.accept().await.unwrap().0, telemetry.accept().await.unwrap().0);
/// #     telemetry.write_all(b"12.5\r\n").await.unwrap();
/// #     let (reader, mut writer) = commands.split();
/// #     BufReader::new(reader).lines().next_line().await.unwrap();
/// #     writer.write_all(b"ok\r\n").await.unwrap();
/// #     let _ = telemetry.read(&mut [0]).await;
/// # });
/// use tcpip_client::{Client, Connection, Group, HandlerResult, Latest, ReadAndDispatch};
///
/// #[derive(Default)]
/// struct Telemetry {
///     position: Latest<f64>,
/// }
///
/// impl ReadAndDispatch for Telemetry {
///     async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
///         match connection.read_str().await?.parse() {
///             Ok(position) => self.position.set(position),
///             Err(error) => tracing::warn!("passed over: {error}"),
///         }
///         Ok(())
///     }
/// }
///
/// let both = Group::new();
/// let mount = Client::builder("127.0.0.1", command_port).link().group(&both).start();
/// let telemetry = Client::builder("127.0.0.1", telemetry_port)
///     .link()
///     .group(&both)
///     .handler(Telemetry::default())
///     .start();
/// both.connect().await?;                          // or `ready`, which waits for as long as it takes
/// assert_eq!(mount.ask("stop").await?, "ok");
/// assert_eq!(telemetry.handler().position.wait_for(|_| true).await, Some(12.5));
/// both.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Group(pub(super) Arc<Links>);

/// What the links of a group share, and a link that is in none has for itself.
#[derive(Default)]
pub(super) struct Links {
    roster: Lock<Roster>,
    /// Another one has joined.
    pub(super) joined: Notify,
    /// Whether all are to be closed.
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct Roster {
    /// In the order in which they joined.
    members: Vec<Arc<Member>>,
    /// How it has ended for good.
    end: Option<LinkState>,
}

impl Links {
    /// The links of now.
    pub(super) fn members(&self) -> Vec<Arc<Member>> {
        self.roster.lock().members.clone()
    }

    /// Takes in one more, and has it kept up.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. It has not joined then.
    pub(super) fn join(self: &Arc<Self>, member: Arc<Member>) {
        let runtime = Handle::current();
        let mut roster = self.roster.lock();
        if let Some(end) = roster.end.clone() {
            drop(roster);
            return member.states.set(end);
        }
        roster.members.push(member);
        let is_first = roster.members.len() == 1;
        drop(roster);
        if is_first {
            runtime.spawn(run_links(Arc::clone(self)));
        } else {
            self.joined.notify_one();
        }
    }

    /// Says to all that it is over for good, unless that has been said.
    pub(super) fn end(&self, state: &LinkState) {
        let members = {
            let mut roster = self.roster.lock();
            roster.end.get_or_insert_with(|| state.clone());
            std::mem::take(&mut roster.members)
        };
        for member in members {
            member.states.set(state.clone());
        }
    }

    /// Returns an error if they are over for good.
    fn not_over(&self) -> Result<(), LinkError> {
        match &self.roster.lock().end {
            None => Ok(()),
            Some(LinkState::Failed { error }) => Err(error.clone()),
            Some(_) => Err(LinkError::Closed),
        }
    }

    /// Has all of them closed for good.
    pub(super) fn start_close(&self) {
        self.closing.send_replace(true);
    }

    /// Has all of them closed for good, and waits until some of them are, unless they wait for the current task.
    pub(super) async fn close(&self, awaited: &[Arc<Member>]) {
        self.start_close();
        if self.members().iter().any(|member| member.waits_for_this_task()) {
            return;
        }
        for member in awaited {
            member.wait_final().await;
        }
    }

    /// Waits until they are to be closed.
    pub(super) async fn told_to_close(&self) {
        // The sender is here.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

impl Group {
    /// Nobody has joined.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until all links that have joined are ready, each at its first attempt: for links that have joined by
    /// [`start`](super::LinkBuilder::start), as [`connect`](super::LinkBuilder::connect) waits for one.
    ///
    /// # Errors
    ///
    /// Why the first attempt of one has failed. The links are closed then.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time: the links go on.
    pub async fn connect(&self) -> Result<(), LinkError> {
        let members = self.0.members();
        for member in &members {
            member.is_awaited.store(true, Ordering::Relaxed);
        }
        let mut outcome = self.0.not_over();
        for member in &members {
            match member.states.first_attempt().await {
                // What has happened to the other is what counts.
                Err(LinkError::GroupLost { .. }) if outcome.is_err() => {}
                Err(error) => outcome = Err(error),
                Ok(()) => {}
            }
        }
        if outcome.is_err() {
            self.close().await;
        }
        outcome
    }

    /// Waits until all links that have joined are ready.
    ///
    /// # Errors
    ///
    /// Those of [`Link::ready`](super::Link::ready).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn ready(&self) -> Result<(), LinkError> {
        loop {
            let members = self.0.members();
            for member in &members {
                member.ready().await?;
            }
            if members.iter().all(|member| member.is_ready()) {
                return self.0.not_over();
            }
        }
    }

    /// Returns whether all links that have joined are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.not_over().is_ok() && self.0.members().iter().all(|member| member.is_ready())
    }

    /// Closes all of them for good, the last that joined first, and returns when that is done: at once where it is
    /// called from the handler, or another task, of one of their sessions.
    ///
    /// # Cancel safety
    ///
    /// Once polled, they are closed without the future.
    pub async fn close(&self) {
        self.0.close(&self.0.members()).await;
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.members().iter().map(|member| &member.name)).finish()
    }
}
