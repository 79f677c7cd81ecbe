//! Client and server together, over real sockets and in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

mod cancelled_reads;
mod cancelled_waits;
mod cancelled_writes;
mod changed_format;
mod concurrent_writes;
mod connection_options;
mod cut;
mod endless_deadlines;
mod fixtures;
mod floods;
mod gauge;
mod hang_up_without_reader;
mod heartbeat;
mod inherent_methods;
mod kinds;
mod link;
mod liveness;
mod memory_servers;
mod memory_transport;
mod odd_streams;
mod one_shot;
mod others_turn;
mod over_both_kinds;
mod parity;
mod read_ahead;
mod read_frame;
mod runtimes;
mod send;
mod serve;
mod torture;
mod usage;
mod virtual_time;
