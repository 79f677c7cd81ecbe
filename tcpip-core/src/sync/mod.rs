//! Locks, waiting for a change, and catching the panics of users' code.

mod catch_panic;
#[cfg(tcpip_loom)]
mod for_loom;
mod lock;
mod watched;
#[cfg(all(test, tcpip_loom))]
mod watched_loom;

#[cfg(not(tcpip_loom))]
pub(crate) use tokio::sync::{Notify, oneshot};

#[cfg(tcpip_loom)]
pub(crate) use self::for_loom::{Notify, oneshot};
pub use self::{
    catch_panic::{catch_panic, catch_panic_in},
    lock::Lock,
    watched::Watched,
};
pub(crate) use self::{
    catch_panic::{drop_caught, is_misbehaviour, misbehaved, poll_stream, shown},
    lock::Guard,
};
