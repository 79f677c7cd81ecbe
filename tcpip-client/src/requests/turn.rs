//! Waiting for the turn.

use std::{
    future::poll_fn,
    ops::{Deref, DerefMut},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tcpip_core::{Connection, ReadError, ReadTurn};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use super::{error::Cause, requester::Requester};

/// The turn to read: of one request, or kept for several.
pub(super) enum Turn {
    Own(ReadTurn),
    Kept(OwnedMutexGuard<ReadTurn>),
}

impl Deref for Turn {
    type Target = ReadTurn;

    fn deref(&self) -> &ReadTurn {
        match self {
            Self::Own(turn) => turn,
            Self::Kept(turn) => turn,
        }
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut ReadTurn {
        match self {
            Self::Own(turn) => turn,
            Self::Kept(turn) => turn,
        }
    }
}

/// A turn that is kept, and the connection that it is one of.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) connection: Connection,
    pub(super) turn: Arc<Mutex<ReadTurn>>,
}

impl Requester {
    /// Waits for the turn, for as long as is `left`; where a link may be waited for, in its next session, if this one
    /// has ended or does so meanwhile.
    pub(super) async fn first_turn(&self, connection: &Connection, left: &mut Duration) -> Result<Turn, Cause> {
        let turn = self.turn(connection, left).await;
        match (&turn, self.options.ready_timeout) {
            (Ok(_) | Err(Cause::Read(_)), Some(mut after)) if !connection.is_connected() => {
                self.next_turn(&mut after).await.map_or(turn, Ok)
            }
            _ => turn,
        }
    }

    /// Waits for the turn in a session that lives, for as long as is `left`. `None` if there is none, and of a device
    /// that is closed for good.
    pub(super) async fn next_turn(&self, left: &mut Duration) -> Option<Turn> {
        let began = Instant::now();
        let waiting = async {
            loop {
                let is_ready = match &self.kept {
                    None => self.device.ready().await,
                    Some(kept) => kept.connection.is_connected(),
                };
                if !is_ready {
                    return None;
                }
                let connection = self.connection();
                match self.turn(&connection, &mut self.options.turn_timeout.clone()).await {
                    // The policy may have ended the session.
                    Ok(_) if !connection.is_connected() => {}
                    Ok(turn) => return Some(turn),
                    Err(Cause::Read(ReadError::NotConnected { .. })) => {}
                    Err(_) => return None,
                }
            }
        };
        let turn = self.device.within(*left, waiting).await.ok().flatten();
        *left = left.saturating_sub(began.elapsed());
        turn
    }

    /// Waits for the turn, for as long as is `left`.
    async fn turn(&self, connection: &Connection, left: &mut Duration) -> Result<Turn, Cause> {
        let waiting = async {
            match &self.kept {
                None => connection.read_turn_without_deadline().await.map(Turn::Own),
                Some(kept) => Ok(Turn::Kept(Arc::clone(&kept.turn).lock_owned().await)),
            }
        };
        not_busy(connection, left, waiting).await?.map_err(Cause::Read)
    }
}

/// Waits for a turn, for as long as is `left`.
pub(crate) async fn not_busy<F: Future>(
    connection: &Connection,
    left: &mut Duration,
    turn: F,
) -> Result<F::Output, Cause> {
    let mut turn = pin!(turn);
    // Mostly it is free, and no timer is needed.
    if let Poll::Ready(turn) = poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await {
        return Ok(turn);
    }
    let (began, after) = (Instant::now(), *left);
    let turn = connection.within(after, turn).await;
    *left = left.saturating_sub(began.elapsed());
    turn.map_err(|_| Cause::Busy { after })
}
