//! Who serves a session in the background: message by message, or as a whole.

mod read_and_dispatch;
mod read_loop;
mod serve;

pub use self::{
    read_and_dispatch::{HandlerError, HandlerResult, IntoHandlerError, ReadAndDispatch},
    read_loop::spawn_read_loop,
    serve::Serve,
};
