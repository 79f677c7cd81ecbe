//! The servers, against bare streams and against clients, over sockets and in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

mod accept_errors;
mod admission;
mod bind;
mod callbacks;
mod close;
mod closing_handlers;
mod dial;
mod dropped_callbacks;
mod ends_of_read_loops;
mod events;
mod failing_handlers;
mod foreign_log;
mod greeting_and_farewell;
mod half_close;
mod handlers_at_work;
mod handlers_that_never_wait;
mod log_count;
mod misbehaving_handlers;
mod odd_listeners;
mod over_both;
mod reading_beside_a_handler;
mod replace;
mod scripted;
mod session_tasks;
mod socket_options;
mod states;
mod stop_reading;
