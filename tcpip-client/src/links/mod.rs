//! A client that comes back.

mod backoff;
mod builder;
mod error;
mod group;
mod keeper;
mod link;
mod member;
mod session;
mod state;
mod states;

pub use self::{
    backoff::Backoff,
    builder::{DEFAULT_HANDSHAKE_TIMEOUT, LinkBuilder},
    error::LinkError,
    group::Group,
    link::Link,
    session::{LinkReader, OnDemand},
    state::LinkState,
};
