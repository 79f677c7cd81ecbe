//! Client and server together, over real sockets.

mod hang_up_without_reader;
mod send;
mod usage;
