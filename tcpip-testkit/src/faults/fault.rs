//! What a fault is.

use super::{At, Event, Gated, Out};

/// What goes wrong on a link through a [`FaultProxy`](crate::FaultProxy), in each direction and each session where it
/// is installed.
///
/// One method is told of all that happens; closures are faults, by [`custom`]. One value serves all directions and
/// sessions: what it remembers of one of them it keeps by [`At::session`] and [`At::direction`], until
/// [`Event::Closed`] or [`Event::Removed`].
///
/// It is called by the task of a session, which waits for it: it must be quick. A panic ends the session, both of whose
/// peers find it reset.
///
/// Dropped when it is removed, and no session is at it.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::faults::{At, Event, Fault, Out};
///
/// /// Shouts.
/// struct Uppercase;
///
/// impl Fault for Uppercase {
///     fn on(&mut self, event: Event<'_>, _: At, out: &mut Out<'_>) {
///         match event {
///             Event::Chunk(bytes) => out.send(bytes.to_ascii_uppercase()),
///             event => out.pass(event),
///         }
///     }
/// }
///
/// let every_second = Uppercase.probability(0.5, 7);
/// # let _: Box<dyn Fault> = Box::new(every_second);
/// ```
pub trait Fault: Send + 'static {
    /// Something happens at the fault, which sends what it makes of it, now or later.
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>);

    /// The fault has the first `count` chunks, of whatever session and direction, and spares those behind them. So it
    /// does nothing more once it has acted on [`Event::Open`] so often. To have so many sessions, or so many chunks in
    /// each session, see [`sessions`](super::sessions).
    fn times(self, count: u64) -> Gated<Self>
    where
        Self: Sized,
    {
        Gated::new(self).times(count)
    }

    /// The first `count` chunks, of whatever session and direction, are spared. The fault begins with the chunk behind
    /// them.
    fn skip(self, count: u64) -> Gated<Self>
    where
        Self: Sized,
    {
        Gated::new(self).skip(count)
    }

    /// The first `bytes` that come, of whatever session and direction, are spared, and a chunk is cut there. The fault
    /// begins exactly behind them, without waiting for what comes next.
    fn after(self, bytes: u64) -> Gated<Self>
    where
        Self: Sized,
    {
        Gated::new(self).after(bytes)
    }

    /// Each chunk is drawn, and spared unless it is one of `p`: 0 is never, 1 always.
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[track_caller]
    fn probability(self, p: f64, seed: u64) -> Gated<Self>
    where
        Self: Sized,
    {
        Gated::new(self).probability(p, seed)
    }

    /// Each session is drawn, and spared as a whole unless it is one of `p`: 0 is never, 1 always.
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[track_caller]
    fn of_sessions(self, p: f64, seed: u64) -> Gated<Self>
    where
        Self: Sized,
    {
        Gated::new(self).of_sessions(p, seed)
    }
}

impl<F: FnMut(Event<'_>, At, &mut Out<'_>) + Send + 'static> Fault for F {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        self(event, at, out);
    }
}

/// A fault that is a closure.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tcpip_testkit::faults::{self, Event};
///
/// let slow_greeting = faults::custom(|event, at, out| match event {
///     Event::Open => out.wake_after(Duration::from_secs(5)), // timers need no traffic, and traffic moves none
///     Event::Timer => out.reset(),
///     Event::Chunk(bytes) if at.position == 0 => out.send_after(Duration::from_millis(20), bytes),
///     event => out.pass(event),
/// });
/// # let _: &dyn faults::Fault = &slow_greeting;
/// ```
pub fn custom<F: FnMut(Event<'_>, At, &mut Out<'_>) + Send + 'static>(fault: F) -> F {
    fault
}
