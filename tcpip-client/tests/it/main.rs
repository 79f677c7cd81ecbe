//! The client against a peer that is nothing but a socket.

mod close;
mod connect;
mod deadlines;
mod hang_up;
mod options;
mod raw_peer;
mod reads;
mod states;
mod writes;
