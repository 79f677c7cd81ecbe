//! The client against a peer that is nothing but a socket, or the other end of a stream in memory.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]
#![expect(clippy::items_after_statements, reason = "what starts the log stands before a test's own constants")]

mod bad_frames;
mod close;
mod connect;
mod dead_link;
mod deadlines;
mod hang_up;
mod json;
mod kinds;
mod options;
#[path = "../../../tcpip-testkit/tests/it/over_both_kinds.rs"]
mod over_both_kinds;
mod raw_peer;
mod read_loop;
mod read_loop_ends;
mod reads;
mod resets;
mod runtime_end;
mod sockets;
mod states;
mod writes;
