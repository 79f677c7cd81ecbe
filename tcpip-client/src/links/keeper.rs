//! The task that keeps links up: one, or those of a group.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use tcpip_core::DisconnectReason;
use tokio::{
    select,
    time::{Instant, sleep},
};

use super::{LinkError, LinkState, group::Links, member::Member};

/// Keeps the links up, until they are to be closed or one of them has given up.
pub(super) fn run_links(links: Arc<Links>) -> impl Future<Output = ()> + Send {
    // Before the task, which may be dropped without having run.
    let over = Over(links);
    async move {
        let Over(links) = &over;
        let end = select! {
            biased;
            () = links.told_to_close() => LinkState::Closed,
            error = keep_up(links) => LinkState::Failed { error },
        };
        for member in links.members().iter().rev() {
            member.close().await;
        }
        links.end(&end);
    }
}

/// Its links are over when it is dropped, be it with the runtime.
struct Over(Arc<Links>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end(&LinkState::Closed);
    }
}

/// Returns the error for which they are given up.
async fn keep_up(links: &Links) -> LinkError {
    let (mut pauses, mut attempt) = (None, 0);
    loop {
        attempt += 1;
        let Loss { culprit, error, is_new } = run_once(links, attempt).await;
        let members = links.members();
        let backoff = members[0].backoff;
        if is_new {
            (pauses, attempt) = (None, 0);
        }
        let lost = &members[culprit];
        let pause =
            if lost.is_final(&error) { None } else { pauses.get_or_insert_with(|| backoff.pauses(attempt)).next() };
        for (index, member) in members.iter().enumerate().rev() {
            let reason = if index == culprit { DisconnectReason::Closed } else { DisconnectReason::GroupLost };
            member.drop_session(reason).await;
        }
        let Some(pause) = pause else {
            tracing::error!("the link {} is given up: {error}", lost.name);
            return error;
        };
        if lost.is_awaited.load(Ordering::Relaxed) {
            tracing::debug!("{}: {error}", lost.name);
        } else {
            tracing::warn!("{}: {error}: tried again in {pause:?}", lost.name);
        }
        for (index, member) in members.iter().enumerate() {
            let error = if index == culprit { error.clone() } else { LinkError::GroupLost { name: lost.name.clone() } };
            member.states.set(LinkState::Backoff { attempt, pause, error });
        }
        sleep(pause).await;
    }
}

/// What has ended an attempt, or sessions that were ready.
struct Loss {
    /// Which link it was.
    culprit: usize,
    error: LinkError,
    /// The sessions were of use: what follows is no further attempt, but the first of others.
    is_new: bool,
}

/// Brings the links up, one after another, and waits until one is lost.
async fn run_once(links: &Links, attempt: usize) -> Loss {
    let mut up = 0;
    let mut ready_since = None;
    let (culprit, error) = loop {
        let members = links.members();
        if let Some(next) = members.get(up) {
            select! {
                biased;
                loss = first_lost(&members[..up]) => break loss,
                begun = next.begin(attempt) => match begun {
                    Ok(()) => up += 1,
                    Err(error) => break (up, error),
                },
            }
            continue;
        }
        // Nothing is said to be ready that has been lost meanwhile.
        select! {
            biased;
            loss = first_lost(&members) => break loss,
            () = async {
                for member in &members {
                    member.set_ready();
                }
                ready_since.get_or_insert_with(Instant::now);
                links.joined.notified().await;
            } => {}
        }
    };
    let members = links.members();
    let longest = members[0].backoff.longest_pause();
    let has_lasted = ready_since.is_some_and(|since: Instant| since.elapsed() > longest);
    let is_new = has_lasted || ready_since.is_some() && members.iter().any(|member| member.has_proven_itself());
    Loss { culprit, error, is_new }
}

/// Waits until one of them is lost.
async fn first_lost(members: &[Arc<Member>]) -> (usize, LinkError) {
    let mut losses: Vec<Pin<Box<_>>> = members.iter().map(|member| Box::pin(member.lost())).collect();
    poll_fn(|context| {
        for (index, loss) in losses.iter_mut().enumerate() {
            if let Poll::Ready(error) = loss.as_mut().poll(context) {
                return Poll::Ready((index, error));
            }
        }
        Poll::Pending
    })
    .await
}
