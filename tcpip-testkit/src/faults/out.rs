//! What a fault makes of what it is told.

use std::time::Duration;

use tcpip_core::Bytes;
use tokio::time::Instant;

use super::{
    Event,
    stages::{Item, Stage},
};

/// Where a [`Fault`](super::Fault) sends to: its own queue in one direction of one session, which goes on to the fault
/// that was installed next, or to the peer.
///
/// **Nothing overtakes**: what is sent later leaves later, or at the same time. What is sent for a later time therefore
/// holds up all that comes behind it.
#[derive(Debug)]
pub struct Out<'a> {
    stage: &'a mut Stage,
    now: Instant,
    /// What has come, so that a part of it need not be copied.
    chunk: &'a Bytes,
    hangs_up: &'a mut bool,
    separator: Option<&'a [u8]>,
}

impl<'a> Out<'a> {
    pub(super) fn new(stage: &'a mut Stage, now: Instant, chunk: &'a Bytes, hangs_up: &'a mut bool) -> Self {
        Self { stage, now, chunk, hangs_up, separator: None }
    }

    /// Sends bytes now, behind what was sent before.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.send_after(Duration::ZERO, bytes);
    }

    /// Sends bytes after `delay`, or as soon as what was sent before has left. [`Duration::MAX`] is until the fault is
    /// removed.
    pub fn send_after(&mut self, delay: Duration, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if !bytes.is_empty() {
            let is_part = {
                let (whole, part) = (self.chunk.as_ptr_range(), bytes.as_ptr_range());
                whole.start <= part.start && part.end <= whole.end
            };
            let bytes = if is_part { self.chunk.slice_ref(bytes) } else { Bytes::copy_from_slice(bytes) };
            self.push(delay, Item::Chunk(bytes));
        }
    }

    /// Ends this direction, behind what was sent before: the peer finds the end of the stream. The other direction
    /// goes on. What this fault sends in this session from now on is lost.
    pub fn end(&mut self) {
        self.end_after(Duration::ZERO);
    }

    /// The same after `delay`.
    pub fn end_after(&mut self, delay: Duration) {
        self.push(delay, Item::End);
    }

    /// Hangs up on both: this direction [ends](Self::end), and as soon as its peer has the end of the stream, the
    /// other direction does too.
    pub fn close(&mut self) {
        *self.hangs_up = true;
        self.end();
    }

    /// Resets both connections, as soon as what was sent before has left.
    pub fn reset(&mut self) {
        self.push(Duration::ZERO, Item::Reset);
    }

    /// Resets both connections now, whatever is under way: what this fault and those behind it have still to send is
    /// lost. A fault behind it that does not pass a reset on, as [`black_hole`](super::black_hole), keeps it.
    pub fn reset_now(&mut self) {
        self.stage.reset();
    }

    /// Has this fault told of [`Event::Timer`] after `delay`, or after a millisecond if that is more, whatever comes
    /// meanwhile. There is one timer in each direction of each session: one that is under way is set anew.
    pub fn wake_after(&mut self, delay: Duration) {
        self.stage.set_timer(self.now.checked_add(delay.max(SHORTEST)));
    }

    /// Reads no more from the source of this direction, whose sender is held up as soon as its window is full, until
    /// [`read_on`](Self::read_on) or until the fault is removed.
    pub fn stop_reading(&mut self) {
        self.stage.stops_reading = true;
    }

    /// Reads again, unless another fault has stopped that as well, or the window is full.
    pub fn read_on(&mut self) {
        self.stage.stops_reading = false;
    }

    /// Hands on what has come, now: bytes, the end, the reset. Without effect on anything else.
    pub fn pass(&mut self, event: Event<'_>) {
        match event {
            Event::Chunk(bytes) | Event::Spared(bytes) => self.send(bytes),
            Event::End => self.end(),
            Event::Reset => self.reset(),
            Event::Open | Event::Timer | Event::Removed | Event::Closed => {}
        }
    }

    /// Returns what ends each message, within [`messages`](super::messages); nothing within [`frames`](super::frames).
    #[must_use]
    pub fn separator(&self) -> Option<&[u8]> {
        self.separator
    }

    /// The same, where messages end with `separator`, if with any.
    pub(super) fn within_messages<'b>(&'b mut self, separator: Option<&'b [u8]>) -> Out<'b> {
        let Self { stage, now, chunk, hangs_up, .. } = self;
        Out { stage, now: *now, chunk, hangs_up, separator }
    }

    /// Whether this direction holds as many bytes as it may, as of the last [`Event::Timer`].
    pub(super) fn is_full(&self) -> bool {
        self.stage.is_lane_full
    }

    /// Whether nothing can be sent any more.
    pub(super) fn is_over(&self) -> bool {
        self.stage.is_over()
    }

    fn push(&mut self, delay: Duration, item: Item) {
        self.stage.push(self.now.checked_add(delay), item);
    }
}

/// What a timer takes at least, so that one that is always set anew leaves time for all else.
const SHORTEST: Duration = Duration::from_millis(1);
