//! Where a scripted peer has its streams from.

use std::{
    future::{pending, poll_fn},
    io::{self, ErrorKind},
    net::SocketAddr,
};

use tcpip_core::{
    BoxFuture, ListenOptions, Listener, LookUpError, NetworkStream, StartError,
    endpoint::{AnyNetwork, Race, is_lacking, look_up},
};

use super::PeerError;

/// Where a scripted peer has its streams from.
pub(super) struct Source {
    /// The next stream, which has come before it was wanted.
    pub(super) early: Option<NetworkStream>,
    more: More,
}

/// Where those behind it come from.
enum More {
    Listener(Box<dyn Listener>),
    Dial(Dial),
    Nowhere,
}

struct Dial {
    network: AnyNetwork,
    addresses: Vec<SocketAddr>,
    /// What is under way.
    dialling: Option<BoxFuture<'static, io::Result<NetworkStream>>>,
}

impl Source {
    /// A listener on an address of the host, the first that this machine has.
    pub(super) async fn listen(network: &AnyNetwork, host: &str, port: u16) -> Result<Self, StartError> {
        let mut addresses = look_up(&**network, host, port, |_| true).await?;
        addresses.sort_unstable();
        let mut lacking = None;
        for address in addresses {
            match network.listen(address, &ListenOptions::default()) {
                Ok(listener) => return Ok(Self { early: None, more: More::Listener(listener) }),
                Err(source) if is_lacking(&source) => {
                    lacking.get_or_insert(StartError::Bind { address, source });
                }
                Err(source) => return Err(StartError::Bind { address, source }),
            }
        }
        Err(lacking.unwrap_or_else(|| LookUpError::NoAddress { host: host.to_owned() }.into()))
    }

    /// What has connected to this host, and does so again.
    pub(super) async fn dial(network: AnyNetwork, host: &str, port: u16) -> Result<Self, PeerError> {
        let addresses = look_up(&*network, host, port, |_| true).await?;
        let dial = Dial { network, addresses, dialling: None };
        match dial.connect().await {
            Ok(stream) => Ok(Self { early: Some(stream), more: More::Dial(dial) }),
            Err(source) => Err(PeerError::Connect { host: host.to_owned(), port, source }),
        }
    }

    /// A stream that was given, and no other.
    pub(super) fn given(stream: NetworkStream) -> Self {
        Self { early: Some(stream), more: More::Nowhere }
    }

    pub(super) fn none() -> Self {
        Self { early: None, more: More::Nowhere }
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match &self.more {
            More::Listener(listener) => listener.local_addr(),
            More::Dial(_) | More::Nowhere => None,
        }
    }

    /// A stream is wanted. Returns the one that has come already; else [`next`](Self::next) gives it.
    pub(super) fn connect(&mut self) -> io::Result<Option<NetworkStream>> {
        if let Some(early) = self.early.take() {
            return Ok(Some(early));
        }
        match &mut self.more {
            More::Listener(_) => Ok(None),
            More::Dial(dial) => {
                dial.dialling = Some(dial.connect());
                Ok(None)
            }
            More::Nowhere => {
                let message = "a stream that was given cannot be connected again";
                Err(io::Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    /// The next stream. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<NetworkStream> {
        match &mut self.more {
            More::Listener(listener) => loop {
                match poll_fn(|context| listener.poll_accept(context)).await {
                    Err(error) if is_of_client(&error) => {}
                    result => return result,
                }
            },
            More::Dial(dial) => {
                let Some(dialling) = &mut dial.dialling else { pending().await };
                let result = dialling.await;
                dial.dialling = None;
                result
            }
            More::Nowhere => pending().await,
        }
    }
}

/// Whether it is the client that was to be accepted that is in trouble, not the listener.
fn is_of_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

impl Dial {
    fn connect(&self) -> BoxFuture<'static, io::Result<NetworkStream>> {
        let (network, addresses) = (self.network.clone(), self.addresses.clone());
        Box::pin(async move { Race::first(&*network, addresses).await })
    }
}
