//! The servers, against bare streams and against clients, over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

mod accept_errors;
mod admission;
mod bind;
mod callbacks;
mod close;
mod handler;
mod lacking;
mod log_count;
mod odd_listeners;
mod raw_peer;
mod replace;
mod session_tasks;
mod socket_options;
mod states;
