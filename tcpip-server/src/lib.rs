//! A TCP/IP server for the mocks of hardware: one client at a time.

mod accept;
mod bind;
mod builder;
mod handler;
mod one_client_read_loop_server;
mod one_client_server;
mod read_loop;
mod reception;
mod server;

pub use tcpip_core::{
    Batch, ClientOrServer, Connection, ConnectionEvent, DEFAULT_CLOSE_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING,
    DEFAULT_LIMIT, DEFAULT_LOCALHOST, DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT,
    DEFAULT_WRITE_TIMEOUT, DisconnectReason, Encoding, Error, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME,
    LOCALHOST_IPV4, LOCALHOST_IPV6, OptionError, ReadError, Result, STD_TIMEOUT, StartError, Structs, WriteError,
    close_stream_writer, read_into, read_struct, set_socket_options, write_from,
};

pub use self::{
    builder::{NoReadLoop, OneClientServerBuilder},
    handler::{HandlerError, HandlerResult, ReadAndDispatch},
    one_client_read_loop_server::OneClientReadLoopServer,
    one_client_server::OneClientServer,
    server::{Server, ServerBuilder},
};
