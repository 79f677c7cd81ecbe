//! Tests that run over each kind of stream that `crate::kinds` has.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Makes three tests of one: over TCP, over another transport, and over a stream in memory.
macro_rules! over_each_kind {
    ($(#[$($attribute:tt)*])* async fn $name:ident<K: Kind>() $body:block) => {
        async fn $name<K: Kind>() $body

        mod $name {
            use crate::{
                kinds::{Memory, MemoryTransports, Tcp},
                over_each_kind::pause,
            };

            $(#[$($attribute)*])*
            async fn tcp() {
                super::$name::<Tcp>().await;
            }

            $(#[$($attribute)*])*
            async fn memory_transport() {
                pause();
                super::$name::<MemoryTransports>().await;
            }

            $(#[$($attribute)*])*
            async fn memory() {
                pause();
                super::$name::<Memory>().await;
            }
        }
    };
}

pub(crate) use over_each_kind;

/// Pauses the clock of a runtime that can.
pub(crate) fn pause() {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        tokio::time::pause();
    }
}
