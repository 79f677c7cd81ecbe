//! Waiting for a place in flight.

use std::{sync::Arc, time::Duration};

use tokio::{task::coop::consume_budget, time::Instant};

use super::{
    Commands, Protocol,
    handler::Shared,
    session::{Place, Session},
};
use crate::Cause;

/// A session, and a place in it, or why there is none.
pub(super) type InSession<P> = (Arc<Session<P>>, Result<Place<<P as Protocol>::Id>, Cause>);

impl<P: Protocol> Commands<P> {
    /// Waits for a place in flight, for as long as is `left`; where a link may be waited for, in its next session, if
    /// there is none now, or it ends meanwhile.
    pub(super) async fn first_place(&self, left: &mut Duration) -> InSession<P> {
        let session = self.session();
        let place = self.place(&session, left).await;
        if let (Err(Cause::NotConnected { .. }), Some(mut after)) = (&place, self.options.ready_timeout)
            && let Some((next, place)) = self.next_place(&mut after).await
        {
            return (next, Ok(place));
        }
        (session, place)
    }

    /// Waits for a place in a session that lives, for as long as is `left`. `None` if there is none, and of a link that
    /// is over for good.
    pub(super) async fn next_place(&self, left: &mut Duration) -> Option<(Arc<Session<P>>, Place<P::Id>)> {
        let Some(link) = self.link() else {
            let session = self.session();
            let place = self.place(&session, left).await.ok()?;
            return Some((session, place));
        };
        let began = Instant::now();
        let waiting = async {
            loop {
                let session = self.session();
                match self.place(&session, &mut self.options.turn_timeout.clone()).await {
                    Ok(place) => return Some((session, place)),
                    Err(Cause::NotConnected { .. }) => {}
                    Err(_) => return None,
                }
                // One that reads no more may live on for what it sends.
                session.connection.wait_disconnected().await;
                // None of this waits where two links share the handler, and the other one is ready.
                consume_budget().await;
                if !link.ready().await {
                    return None;
                }
            }
        };
        let place = link.within(*left, waiting).await.ok().flatten();
        *left = left.saturating_sub(began.elapsed());
        place
    }

    async fn place(&self, session: &Session<P>, left: &mut Duration) -> Result<Place<P::Id>, Cause> {
        let Shared { protocol, numbers, .. } = &*self.shared;
        session.place(protocol, numbers, left, self.is_before_ready).await
    }
}
