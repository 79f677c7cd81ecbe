//! What the client and server crates are made with, beside the hidden methods of
//! [`Connection`](crate::Connection). Not part of the public interface: it may change at any time.

pub use crate::{
    callbacks::{CallbackProgress, ConnectCallbacks, EventSource, Pushed},
    catch_panic::{catch_panic, catch_panic_in},
    connection::{
        options::{CLOSE_GRACE, SessionOptions, deadline},
        within,
    },
    family::is_lacking,
    lock::Lock,
    look_up::look_up,
    read_loop::spawn_read_loop,
    socket_options::SocketOrigin,
    text_format::TextFormat,
    watched::Watched,
};
