//! A client that comes back.

mod backoff;
mod builder;
mod error;
mod keeper;
mod link;
mod state;

pub use self::{backoff::Backoff, builder::LinkBuilder, error::LinkError, link::Link, state::LinkState};
