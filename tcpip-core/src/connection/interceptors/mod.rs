//! What is between the stream and the session: a filter, and those who listen in.

mod filter;
mod passage;
mod tap;
mod telnet;
mod wire_log;

pub(super) use self::passage::{Passage, PassageOptions};
pub use self::{
    filter::Filter,
    tap::{ChunkEnd, ChunkTap, Direction, FrameTap},
    telnet::Telnet,
    wire_log::{DEFAULT_LOGGED_BYTES, WireFrame, WireLog},
};
