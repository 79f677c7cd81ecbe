//! Client and server together, over real sockets.

mod usage;
