//! A TCP/IP client for the controllers of hardware.

mod builder;
mod client;
mod dial;

pub use tcpip_core::{
    Batch, ClientOrServer, ConnectError, Connection, ConnectionEvent, DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_LIMIT, DEFAULT_LOCALHOST, DEFAULT_MONITOR_CONNECTION_INTERVAL,
    DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, DisconnectReason, Encoding, Error,
    KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, LOCALHOST_IPV4, LOCALHOST_IPV6, OptionError, ReadError,
    Result, STD_TIMEOUT, Structs, WriteError, close_stream_writer, read_into, read_struct, set_socket_options,
    write_from,
};

pub use self::{
    builder::{ClientBuilder, Family},
    client::Client,
};
