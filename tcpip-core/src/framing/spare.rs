//! What sessions that are idle have no need of.

use std::cell::Cell;

use bytes::BufMut;

use super::{FrameBuffer, bytes::KEPT};

thread_local! {
    /// A buffer that nobody has. So idle sessions have none, and messages still cost no allocation.
    static SPARE: Cell<Option<Box<FrameBuffer>>> = const { Cell::new(None) };
}

impl FrameBuffer {
    /// Has `fill` append to the buffer in `slot`, if there is one. Nothing is prepared for what may not come: if the
    /// buffer is empty, and so little is wanted, there is room for that beside it.
    pub(crate) fn fill_slot<R>(
        slot: &mut Option<Box<Self>>,
        wanted: usize,
        fill: impl FnOnce(&mut dyn BufMut) -> R,
    ) -> R {
        if wanted > KEPT || slot.as_ref().is_some_and(|frames| !frames.is_unused()) {
            return slot.get_or_insert_with(Self::spare).fill(wanted, fill);
        }
        let mut little = [0; KEPT];
        let mut room = &mut little[..];
        let result = fill(&mut room);
        let count = KEPT - room.len();
        if count > 0 {
            slot.get_or_insert_with(Self::spare).append(&little[..count]);
        }
        result
    }

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
