//! Locks, waiting for a change, and catching the panics of users' code.

mod catch_panic;
mod lock;
mod watched;

pub(crate) use self::catch_panic::{drop_caught, poll_stream, shown};
pub use self::{
    catch_panic::{catch_panic, catch_panic_in},
    lock::Lock,
    watched::Watched,
};
