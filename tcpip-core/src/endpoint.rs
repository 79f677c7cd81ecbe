//! What the client and server crates are made with, beside the hidden methods of
//! [`Connection`](crate::Connection). Not part of the public interface: it may change at any time.

pub use crate::{
    callbacks::{CallbackProgress, ConnectCallbacks, EventSource},
    catch_panic::catch_panic,
    connection::options::{HangUpDetection, SessionOptions, deadline},
    lock::Lock,
    read_loop::spawn_read_loop,
    text_format::TextFormat,
};
