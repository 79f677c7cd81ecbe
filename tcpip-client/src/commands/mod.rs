//! Commands among other frames: several in flight, by their ids or in order.

mod entry;
mod handler;
mod options;
mod pending;
mod place;
mod protocol;
mod session;

pub use self::{
    handler::Commands,
    options::CommandOptions,
    pending::Pending,
    protocol::{Kind, Phase, Protocol},
};
