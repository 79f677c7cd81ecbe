//! What code that takes either server, such as a test fixture, needs of it.

use tcpip_core::{CallbackFuture, ClientOrServer, ConnectionEvent, StartError};

use crate::{AnyServer, OneClientReadLoopServer, OneClientServer, OneClientServerBuilder, Serve};

/// A server that serves one client at a time: [`OneClientServer`], [`OneClientReadLoopServer`], or anything that holds
/// one.
pub trait Server: ClientOrServer {
    /// The server, with its address and what closes it.
    fn server(&self) -> &AnyServer;
}

/// Something that can be started as a [`Server`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a server's builder",
    note = "pass the builder itself, as `OneClientServer::builder()`, without having started it"
)]
pub trait ServerBuilder: Sized + Send {
    /// The server that it becomes.
    type Server: Server;

    /// Sets the host to listen on.
    #[must_use]
    fn host(self, host: &str) -> Self;

    /// Sets the port to listen on; 0 lets the system choose one.
    #[must_use]
    fn port(self, port: u16) -> Self;

    /// Adds a connect callback.
    #[must_use]
    fn connect_callback<F, Fut>(self, callback: F) -> Self
    where
        F: Fn(ConnectionEvent) -> Fut + Send + Sync + 'static,
        Fut: CallbackFuture + Send + 'static;

    /// Starts the server.
    fn start(self) -> impl Future<Output = Result<Self::Server, StartError>> + Send;
}

macro_rules! server_builder {
    ($builder:ty => $server:ty $(, $($parameter:tt)+)?) => {
        impl$(<$($parameter)+>)? ServerBuilder for $builder {
            type Server = $server;

            fn host(self, host: &str) -> Self {
                self.host(host)
            }

            fn port(self, port: u16) -> Self {
                self.port(port)
            }

            fn connect_callback<F, Fut>(self, callback: F) -> Self
            where
                F: Fn(ConnectionEvent) -> Fut + Send + Sync + 'static,
                Fut: CallbackFuture + Send + 'static,
            {
                self.connect_callback(callback)
            }

            fn start(self) -> impl Future<Output = Result<$server, StartError>> + Send {
                self.start()
            }
        }
    };
}

server_builder!(OneClientServerBuilder => OneClientServer);
server_builder!(OneClientServerBuilder<H> => OneClientReadLoopServer<H>, H: Serve);
