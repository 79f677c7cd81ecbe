//! Which of several addresses answers first.

use std::{fmt, io, net::SocketAddr, task::Poll, time::Duration};

use tokio::time::sleep;

use super::{Network, NetworkStream};
use crate::{BoxFuture, ConnectAttempt};

/// How long an address has for itself before the next one is tried beside it: the recommendation of RFC 8305.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The attempts at the addresses of one host. The first to connect wins; with this the others are dropped, and leave
/// nothing.
pub struct Race<'a> {
    network: &'a dyn Network,
    local_addr: Option<SocketAddr>,
    entrants: Vec<Entrant<'a>>,
}

struct Entrant<'a> {
    address: SocketAddr,
    state: State<'a>,
}

enum State<'a> {
    Connecting(BoxFuture<'a, io::Result<NetworkStream>>),
    Failed(io::Error),
}

impl<'a> Race<'a> {
    /// Nobody has begun yet: attempts in this network, from this address if there is one.
    #[must_use]
    pub fn new(network: &'a dyn Network, local_addr: Option<SocketAddr>) -> Self {
        Self { network, local_addr, entrants: Vec::new() }
    }

    /// Connects to the first of these addresses to answer.
    ///
    /// # Errors
    ///
    /// Of the last that was tried; `NotFound` if there is none.
    pub async fn first(network: &'a dyn Network, addresses: Vec<SocketAddr>) -> io::Result<NetworkStream> {
        let mut race = Self::new(network, None);
        if let Some((stream, _)) = race.run(addresses).await {
            return Ok(stream);
        }
        let last = race.into_attempts().pop().and_then(|attempt| attempt.error);
        Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    /// Tries one address after the other, the families by turns: the next one when any has failed, or a quarter of a
    /// second after the last. `None` once all have failed.
    pub async fn run(&mut self, addresses: Vec<SocketAddr>) -> Option<(NetworkStream, SocketAddr)> {
        let mut addresses = interleaved(addresses).peekable();
        loop {
            if let Some(address) = addresses.next() {
                let connecting = State::Connecting(self.network.dial(address, self.local_addr));
                self.entrants.push(Entrant { address, state: connecting });
            }
            let is_last = addresses.peek().is_none();
            if is_last && !self.entrants.iter().any(|entrant| matches!(entrant.state, State::Connecting(_))) {
                return None;
            }
            tokio::select! {
                biased;
                winner = self.next_result() => if winner.is_some() { return winner },
                // Made only if it is waited for: a runtime may have no timer.
                () = async { sleep(ATTEMPT_DELAY).await }, if !is_last => {}
            }
        }
    }

    /// The stream of an attempt that has succeeded, or `None` as soon as one has failed.
    async fn next_result(&mut self) -> Option<(NetworkStream, SocketAddr)> {
        std::future::poll_fn(|context| {
            for Entrant { address, state } in &mut self.entrants {
                if let State::Connecting(connecting) = state
                    && let Poll::Ready(result) = connecting.as_mut().poll(context)
                {
                    return Poll::Ready(match result {
                        Ok(stream) => Some((stream, *address)),
                        Err(error) => {
                            *state = State::Failed(error);
                            None
                        }
                    });
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Returns what has become of each attempt, in the order in which they were begun.
    #[must_use]
    pub fn into_attempts(self) -> Vec<ConnectAttempt> {
        let attempt = |Entrant { address, state }| match state {
            State::Connecting(_) => ConnectAttempt::new(address, None),
            State::Failed(error) => ConnectAttempt::new(address, Some(error)),
        };
        self.entrants.into_iter().map(attempt).collect()
    }
}

impl fmt::Debug for Race<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.entrants.iter().map(|entrant| entrant.address);
        formatter.debug_set().entries(addresses).finish()
    }
}

/// The addresses in the resolver's order, but the families by turns: a family that leads nowhere delays the other by
/// one attempt, however many addresses it has.
fn interleaved(addresses: Vec<SocketAddr>) -> impl Iterator<Item = SocketAddr> {
    let first_is_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|found| found.is_ipv4() == first_is_ipv4);
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    let turns = std::iter::from_fn(move || Some([first.next(), other.next()]));
    turns.take_while(|turn| *turn != [None, None]).flatten().flatten()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

    use super::*;
    use crate::Sockets;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(20);

    async fn listening(ip: &str) -> (SocketAddr, TcpListener) {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        (listener.local_addr().unwrap(), listener)
    }

    /// Of attempts that connect at the same time one wins, and the others are connected no more.
    #[tokio::test]
    async fn an_attempt_that_loses_is_connected_no_more() {
        let (first, listener) = listening("127.88.26.7").await;
        let (second, other_listener) = listening("127.88.26.8").await;
        let mut race = Race::new(&Sockets, None);
        for address in [first, second] {
            let connecting = State::Connecting(Sockets.dial(address, None));
            race.entrants.push(Entrant { address, state: connecting });
        }
        let (winner, address) = race.run(Vec::new()).await.unwrap();
        drop(race);
        let (won, lost) = if address == first { (listener, other_listener) } else { (other_listener, listener) };
        assert_eq!(timeout(LONG, won.accept()).await.unwrap().unwrap().1, winner.local_addr().unwrap());
        let (mut loser, _) = timeout(LONG, lost.accept()).await.unwrap().unwrap();
        let end = timeout(LONG, loser.read(&mut [0])).await.unwrap();
        assert!(matches!(end, Ok(0)) || end.is_err(), "{end:?}");
    }

    /// Who has one address needs no timer, which a runtime may not have.
    #[test]
    fn one_address_needs_no_timer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (address, _listener) = listening("127.0.0.1").await;
            assert_eq!(Race::first(&Sockets, vec![address]).await.unwrap().peer_addr(), Some(address));
        });
    }

    /// The families take turns, beginning with the resolver's first, and each keeps its order.
    #[test]
    fn the_families_take_turns() {
        let v4 = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        for (given, tried) in [
            (vec![], vec![]),
            (vec![v4(1), v4(2)], vec![v4(1), v4(2)]),
            (vec![v6(1), v6(2), v6(3), v4(1), v4(2)], vec![v6(1), v4(1), v6(2), v4(2), v6(3)]),
            (vec![v4(1), v6(1), v6(2), v6(3)], vec![v4(1), v6(1), v6(2), v6(3)]),
        ] {
            assert_eq!(interleaved(given).collect::<Vec<_>>(), tried);
        }
    }
}
