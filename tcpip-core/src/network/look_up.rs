//! From a host's name to its addresses.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    thread,
};

use tokio::sync::oneshot;

use super::Network;
use crate::LookUpError;

/// The addresses of `host` in `network` that suit, each once, in the network's order. One that is an address is not
/// looked up.
///
/// # Errors
///
/// The name cannot be looked up, or has no address that suits.
pub async fn look_up(
    network: &dyn Network,
    host: &str,
    port: u16,
    suits: impl Fn(&SocketAddr) -> bool,
) -> Result<Vec<SocketAddr>, LookUpError> {
    look_up_by(|| network.look_up(host, port), host, port, suits).await
}

async fn look_up_by<F: Future<Output = io::Result<Vec<SocketAddr>>>>(
    resolve: impl FnOnce() -> F,
    host: &str,
    port: u16,
    suits: impl Fn(&SocketAddr) -> bool,
) -> Result<Vec<SocketAddr>, LookUpError> {
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => resolve().await.map_err(|source| LookUpError::Resolve { host: host.to_owned(), source })?,
    };
    let mut addresses = Vec::with_capacity(found.len());
    for address in found.into_iter().filter(suits) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(LookUpError::NoAddress { host: host.to_owned() }) } else { Ok(addresses) }
}

/// Runs something that blocks. It goes on without the future, and keeps nothing from ending but itself: the system's
/// resolver cannot be interrupted, and a runtime waits at its end for the blocking calls that it has begun.
pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        // Nobody may be left to be told.
        let _ = sender.send(work());
    })?;
    receiver.await.unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Ready, ready},
        sync::mpsc::channel,
        time::Duration,
    };

    use tokio::{runtime::Builder, time::timeout};

    use super::*;

    /// A look-up that hangs keeps neither its deadline nor the end of the runtime waiting.
    #[test]
    fn a_runtime_ends_while_a_look_up_hangs() {
        for multi_thread in [false, true] {
            let mut builder = if multi_thread { Builder::new_multi_thread() } else { Builder::new_current_thread() };
            let runtime = builder.enable_all().build().unwrap();
            let ((asked, was_asked), (go, wait)) = (channel(), channel::<()>());
            let resolve = || {
                on_a_thread(move || {
                    asked.send(()).unwrap();
                    // Ends with the test, also with one that fails.
                    let _ = wait.recv();
                    Ok(Vec::new())
                })
            };
            runtime.block_on(async {
                let looking_up = look_up_by(resolve, "dome", 1, |_| true);
                timeout(Duration::from_millis(20), looking_up).await.unwrap_err();
            });
            was_asked.recv().unwrap();
            let (ended, has_ended) = channel();
            thread::spawn(move || {
                drop(runtime);
                ended.send(()).unwrap();
            });
            has_ended.recv_timeout(Duration::from_secs(20)).expect("the runtime ends without the look-up");
            drop(go);
        }
    }

    /// An IP address is none to look up, whatever the family.
    #[tokio::test]
    async fn an_address_needs_no_look_up() {
        let resolve_never = || -> Ready<io::Result<Vec<SocketAddr>>> { panic!("an address is not looked up") };
        for host in ["127.0.0.1", "::1"] {
            let expected = SocketAddr::new(host.parse().unwrap(), 17310);
            assert_eq!(look_up_by(resolve_never, host, 17310, |_| true).await.unwrap(), [expected]);
        }
    }

    /// Addresses come once each, in the resolver's order, without those that do not suit.
    #[tokio::test]
    async fn addresses_come_once_each_in_the_resolvers_order() {
        let address = |last| SocketAddr::from(([127, 0, 0, last], 1));
        let resolve = || ready(Ok(vec![address(3), address(1), address(3), address(2), address(1)]));
        let found = look_up_by(resolve, "dome", 1, |found| *found != address(2)).await.unwrap();
        assert_eq!(found, [address(3), address(1)]);
    }

    /// A resolver that finds nothing of use, fails or panics is an error of its own kind, which names the host.
    #[tokio::test]
    async fn what_cannot_be_looked_up_is_named() {
        let nothing = look_up_by(|| ready(Ok(Vec::new())), "dome", 1, |_| true).await.unwrap_err();
        assert!(matches!(&nothing, LookUpError::NoAddress { host } if host == "dome"), "{nothing:?}");
        let not_found = || ready(Err(io::ErrorKind::NotFound.into()));
        let unknown = look_up_by(not_found, "dome", 1, |_| true).await.unwrap_err();
        assert!(matches!(&unknown, LookUpError::Resolve { host, .. } if host == "dome"), "{unknown:?}");
        let panics = || on_a_thread(|| panic!("a panic of the test's"));
        let panic = look_up_by(panics, "dome", 1, |_| true).await.unwrap_err();
        assert!(matches!(&panic, LookUpError::Resolve { source, .. } if source.to_string().contains("panicked")));
    }
}
