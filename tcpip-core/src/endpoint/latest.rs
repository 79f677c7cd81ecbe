//! A value that comes again and again, of which the latest counts.

use tokio::sync::watch;

/// The latest of a series of values, such as telemetry: one task sets it, any number look at it and wait for the next.
///
/// Those who wait see the latest value when they come to look, not each one: whoever needs each, uses a channel.
/// Dropping it does nothing, since whoever waits has borrowed it.
///
/// # Examples
///
/// ```
/// use tcpip_core::Latest;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let position = Latest::new();
/// assert_eq!(position.get(), None);
/// let (next, ()) = tokio::join!(position.next(), async { position.set(12.5) });
/// assert_eq!((next, position.get()), (Some(12.5), Some(12.5)));
/// position.close();
/// assert_eq!((position.next().await, position.get()), (None, Some(12.5)));
/// # }
/// ```
#[derive(Debug)]
pub struct Latest<T> {
    sender: watch::Sender<Series<T>>,
}

#[derive(Debug)]
struct Series<T> {
    latest: Option<T>,
    /// How many values have been set.
    count: u64,
    closed: bool,
    /// How often those who waited have been told not to.
    interruptions: u64,
}

impl<T> Series<T> {
    /// How many values have been set, and how many interruptions there were.
    fn state(&self) -> (u64, u64) {
        (self.count, self.interruptions)
    }

    /// Whether who began to wait behind so many interruptions waits no more.
    fn is_over(&self, interruptions: u64) -> bool {
        self.closed || self.interruptions != interruptions
    }
}

impl<T: Clone> Latest<T> {
    /// Without a value.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(Series { latest: None, count: 0, closed: false, interruptions: 0 }) }
    }

    /// Sets the value, and wakes those who wait.
    pub fn set(&self, value: T) {
        self.sender.send_modify(|series| {
            series.latest = Some(value);
            series.count += 1;
        });
    }

    /// The latest value; `None` before the first.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.sender.borrow().latest.clone()
    }

    /// Says that no other value will come, and wakes those who wait. The latest stays.
    pub fn close(&self) {
        self.sender.send_modify(|series| series.closed = true);
    }

    /// Wakes those who wait, as if it were closed; the series goes on, and who waits later waits for its values. For
    /// the end of a session, where another one may follow. The latest stays.
    pub fn interrupt(&self) {
        self.sender.send_modify(|series| series.interruptions += 1);
    }

    /// Takes the value away, as before the first: who waits for one waits for what is set from now on. For the
    /// beginning of a session, where the values of the last one say nothing any more.
    pub fn clear(&self) {
        let mut last = None;
        self.sender.send_if_modified(|series| {
            last = series.latest.take();
            false
        });
    }

    /// Waits for the next value that is set after this is first polled; `None` once it is closed or
    /// [interrupted](Self::interrupt).
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time. A value that is set before the next call is then not waited for.
    pub async fn next(&self) -> Option<T> {
        let mut receiver = self.sender.subscribe();
        let (seen, interruptions) = receiver.borrow().state();
        let series = receiver.wait_for(|series| series.count != seen || series.is_over(interruptions)).await.ok()?;
        series.latest.clone().filter(|_| series.count != seen)
    }

    /// Waits until there is a value that `is_wanted`: the latest, if it is; `None` once it is closed or
    /// [interrupted](Self::interrupt) without.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any time.
    pub async fn wait_for(&self, mut is_wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let mut receiver = self.sender.subscribe();
        let (_, interruptions) = receiver.borrow().state();
        let mut wanted = |series: &Series<T>| series.latest.as_ref().is_some_and(&mut is_wanted);
        let series = receiver.wait_for(|series| series.is_over(interruptions) || wanted(series)).await.ok()?;
        series.latest.clone().filter(|latest| is_wanted(latest))
    }
}

impl<T: Clone> Default for Latest<T> {
    fn default() -> Self {
        Self::new()
    }
}
