//! Client and server together, over real sockets.

mod send;
mod usage;
