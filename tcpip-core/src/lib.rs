//! Stream helpers, framing and sessions for programs that connect control software to hardware over TCP/IP.

mod callbacks;
mod catch_panic;
mod client_or_server;
mod close_stream_writer;
mod connection;
mod connection_event;
mod constants;
mod disconnect_reason;
mod encoding;
#[doc(hidden)]
pub mod endpoint;
mod error;
mod frame_buffer;
mod lock;
mod socket_options;
mod stream_structs;
mod structs;
mod text_format;

pub use self::{
    client_or_server::ClientOrServer,
    close_stream_writer::close_stream_writer,
    connection::{Batch, Connection},
    connection_event::ConnectionEvent,
    constants::{
        DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING, DEFAULT_LIMIT,
        DEFAULT_LOCALHOST, DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT,
        DEFAULT_WRITE_TIMEOUT, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, LOCALHOST_IPV4, LOCALHOST_IPV6,
        STD_TIMEOUT,
    },
    disconnect_reason::DisconnectReason,
    encoding::Encoding,
    error::{ConnectError, Error, OptionError, ReadError, Result, StartError, WriteError},
    frame_buffer::{FrameBuffer, TooLong},
    socket_options::set_socket_options,
    stream_structs::{read_into, read_struct, write_from},
    structs::{Parts, Structs},
};
