//! Tests that run over sockets and over a network in memory.

/// Makes two tests of one: over sockets, and over a network in memory under a paused clock.
macro_rules! over_both {
    ($(#[$($attribute:tt)*])* async fn $name:ident() $body:block) => {
        async fn $name() $body

        mod $name {
            $(#[$($attribute)*])*
            async fn sockets() {
                super::$name().await;
            }

            $(#[$($attribute)*])*
            async fn memory() {
                tokio::time::pause();
                let _entered = tcpip_testkit::MemoryNetwork::new().enter();
                super::$name().await;
            }
        }
    };
}

pub(crate) use over_both;
