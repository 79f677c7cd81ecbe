//! What sessions that are idle have no need of.

use std::cell::Cell;

use super::FrameBuffer;

thread_local! {
    /// A buffer that nobody has. So idle sessions have none, and messages still cost no allocation.
    static SPARE: Cell<Option<Box<FrameBuffer>>> = const { Cell::new(None) };
}

impl FrameBuffer {
    /// One that is as if it had just been made.
    #[expect(clippy::unnecessary_box_returns, reason = "the box is what is handed on")]
    pub(crate) fn spare() -> Box<Self> {
        // There is none at the end of the thread.
        SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    /// Hands an [unused](Self::is_unused) one on, as if it had just been made. If there is one to spare already, as
    /// many are in use at the same time, and it stays where it is.
    pub(crate) fn hand_on(slot: &mut Option<Box<Self>>) {
        let _ = SPARE.try_with(|spare| {
            let there = spare.take();
            spare.set(there.or_else(|| {
                let mut unused = slot.take()?;
                *unused = Self::default();
                Some(unused)
            }));
        });
    }
}
