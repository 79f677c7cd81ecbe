//! Where a scripted peer has its streams from.

use std::{future::pending, future::poll_fn, io, net::SocketAddr};

use tcpip_core::{
    BoxFuture, ListenOptions, Listener, LookUpError, NetworkStream, StartError,
    endpoint::{AnyNetwork, is_lacking, look_up},
};

use super::PeerError;

/// Where a scripted peer has its streams from.
pub(super) enum Source {
    Listener(Box<dyn Listener>),
    Dial(Dial),
    /// A stream that was given.
    Nowhere,
}

pub(super) struct Dial {
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
                Ok(listener) => return Ok(Self::Listener(listener)),
                Err(source) if is_lacking(&source) => {
                    lacking.get_or_insert(StartError::Bind { address, source });
                }
                Err(source) => return Err(StartError::Bind { address, source }),
            }
        }
        Err(lacking.unwrap_or_else(|| LookUpError::NoAddress { host: host.to_owned() }.into()))
    }

    /// What connects to this host, with the first stream.
    pub(super) async fn dial(network: AnyNetwork, host: &str, port: u16) -> Result<(Self, NetworkStream), PeerError> {
        let addresses = look_up(&*network, host, port, |_| true).await?;
        let dial = Dial { network, addresses, dialling: None };
        match dial.connect().await {
            Ok(stream) => Ok((Self::Dial(dial), stream)),
            Err(source) => Err(PeerError::Connect { host: host.to_owned(), port, source }),
        }
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Listener(listener) => listener.local_addr(),
            Self::Dial(_) | Self::Nowhere => None,
        }
    }

    /// A stream is wanted.
    pub(super) fn connect(&mut self) {
        if let Self::Dial(dial) = self {
            dial.dialling = Some(dial.connect());
        }
    }

    /// Whether a stream comes, some time.
    pub(super) fn has_more(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }

    /// The next stream. Cancel safe.
    pub(super) async fn next(&mut self) -> io::Result<NetworkStream> {
        match self {
            Self::Listener(listener) => poll_fn(|context| listener.poll_accept(context)).await,
            Self::Dial(Dial { dialling: dialled @ Some(_), .. }) => {
                let result = dialled.as_mut().expect("it is there").await;
                *dialled = None;
                result
            }
            Self::Dial(_) | Self::Nowhere => pending().await,
        }
    }
}

impl Dial {
    /// Tries one address after the other.
    fn connect(&self) -> BoxFuture<'static, io::Result<NetworkStream>> {
        let (network, addresses) = (self.network.clone(), self.addresses.clone());
        Box::pin(async move {
            let mut failure = io::ErrorKind::NotFound.into();
            for address in addresses {
                match network.dial(address, None).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        })
    }
}
