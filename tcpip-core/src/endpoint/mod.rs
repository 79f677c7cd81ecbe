//! What clients and servers have in common beside their sessions: events and options.
//!
//! What is `pub` in here is what the client and server crates are made with, beside the hidden methods of
//! [`Connection`](crate::Connection). Not part of the public interface: it may change at any time.

mod callbacks;
#[cfg(all(test, tcpip_loom))]
mod callbacks_loom;
mod client_or_server;
mod connection_event;
mod constants;
mod disconnect_reason;
mod family;
mod latest;
mod socket_options;

pub(crate) use self::socket_options::{Setting, SocketOptions};
pub use self::{
    callbacks::{CallbackFuture, CallbackProgress, ConnectCallback, ConnectCallbacks, EventSource, Pushed},
    client_or_server::ClientOrServer,
    connection_event::ConnectionEvent,
    constants::{
        DEFAULT_BACKLOG, DEFAULT_CLOSE_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_TIMEOUT, DEFAULT_ENCODING,
        DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_LIMIT, DEFAULT_LOCALHOST, DEFAULT_MAX_HEARTBEAT_INTERVAL,
        DEFAULT_MONITOR_CONNECTION_INTERVAL, DEFAULT_TERMINATOR, DEFAULT_WRITE_LIMIT, DEFAULT_WRITE_TIMEOUT, HEARTBEAT,
        KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, LOCALHOST_IPV4, LOCALHOST_IPV6, STD_TIMEOUT,
    },
    disconnect_reason::DisconnectReason,
    family::{Family, is_lacking},
    latest::Latest,
    socket_options::{Keepalive, SocketOrigin, set_socket_options},
};
#[cfg(feature = "entered-network")]
pub use crate::network::{Entered, enter};
pub use crate::{
    codec::Trailing,
    connection::{
        Input, ReplyRead, Requests, TakeReply,
        options::{CLOSE_GRACE, SessionOptions, deadline},
        within,
    },
    framing::find_end,
    handler::spawn_read_loop,
    network::{AnyNetwork, Race, look_up},
    sync::{Lock, Watched, catch_panic, catch_panic_in},
    text::TextFormat,
};
