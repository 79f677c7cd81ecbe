//! From bytes to frames, without I/O.

mod bytes;
mod frame_buffer;
#[cfg(test)]
mod frame_buffer_model;
mod search;
mod spare;
mod terminator;

pub(crate) use self::frame_buffer::{Content, Found};
pub use self::{
    frame_buffer::{FrameBuffer, TooLong},
    search::find_end,
    terminator::Terminator,
};
