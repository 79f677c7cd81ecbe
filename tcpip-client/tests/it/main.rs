//! The client against a peer that is nothing but a socket, or the other end of a stream in memory.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]
#![expect(clippy::items_after_statements, reason = "what starts the log stands before a test's own constants")]

mod abort;
mod bad_frames;
mod close;
mod close_delivers;
mod connect;
mod dead_link;
mod deadlines;
mod events;
mod foreign_executor;
mod forgotten;
mod half_close;
mod hang_up;
mod json;
mod kinds;
mod options;
#[path = "../../../tcpip-testkit/tests/it/over_each_kind.rs"]
mod over_each_kind;
mod overtaking;
mod read_loop;
mod read_loop_ends;
mod reads;
mod reads_well;
mod resets;
mod resting_runtime;
mod runtime_end;
mod socket_options;
mod sockets;
mod states;
mod writes;
