//! The servers, against bare streams and against clients, over sockets and in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

mod accept_errors;
mod admission;
mod bind;
mod callbacks;
mod close;
mod dial;
mod dropped_callbacks;
mod foreign_log;
mod greeting_and_farewell;
mod half_close;
mod handler;
mod handlers_that_never_wait;
mod lacking;
mod log_count;
mod misbehaving_handlers;
mod odd_listeners;
mod over_both;
mod reading_beside_a_handler;
mod replace;
mod session_tasks;
mod socket_options;
mod states;
mod stop_reading;
