//! Fixtures for the tests of TCP/IP clients and servers. A dev-dependency, or a part of a mock's own test helpers.
//!
//! - [`OneClientServerTestCase`] makes a server on a free port, clients for it, and checks what a connect callback was
//!   told (`BaseOneClientServerTestCase` in ts_tcpip).
//! - [`eventually`] waits for what must come, a condition or a future, and says where it did not.
//! - [`ExpectExt`] says what a bare stream must give, and fails with what came in its place.
//! - [`TestOneClientReadLoopServer`] keeps what its client sends, and fails when told to.
//! - [`MemoryNetwork`] lets clients and servers meet in memory, where a test may pause the clock: names, ports,
//!   outages, latency. Once it is entered, a controller that takes host and port runs over it unchanged.
//! - [`ScriptedPeer`] plays one side of a [`Script`]: a device for a controller's tests, or a controller for a mock's.
//!   [`scripts`] is the language of scripts.
//! - [`memory_pair`] makes two clients that are connected to each other in memory.
//! - [`FaultProxy`] stands between a client and a server, and lets their link misbehave, by [`faults`]; what goes with
//!   it is in [`proxy`].
//! - [`Transcript`] records what goes over a link: a script to edit and play, a capture for Wireshark, or something to
//!   check against a script.
//! - [`conformance`](conformance()) puts a server through what every server must stand: cuts, garbage, clients that
//!   leave.
//! - [`fail_on_warnings`](fail_on_warnings()) and [`no_leaks`](no_leaks()) fail a test for what it logs and leaves
//!   behind.
//!
//! [`a_device_that_misbehaves`] has tests to paste, for a controller whose device is late, silent, cut off or wrong;
//! [`coming_from_ts_tcpip`] shows how the habits of the Python library are written with these crates;
//! [`what_it_costs`] has figures, beside tokio alone.
//!
//! ```
//! use tcpip_server::OneClientServer;
//! use tcpip_testkit::OneClientServerTestCase;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # /*
//! #[test_log::test(tokio::test)]
//! async fn the_client_is_told_when_the_server_hangs_up() {
//! # */
//!     let case = OneClientServerTestCase::new();
//!     let server =
//!         case.create_server(OneClientServer::builder().connect_callback(case.connect_callback())).await.unwrap();
//!     let client = case.create_client(&server, |client| client).await.unwrap();
//!     case.assert_next_connected(true).await;
//!     server.close_client().await;
//!     case.assert_next_connected(false).await;
//!     client.wait_disconnected().await;
//!     assert!(client.should_be_connected());
//! }
//! ```

#![forbid(unsafe_code)]

#[doc = include_str!("a_device_that_misbehaves.md")]
pub mod a_device_that_misbehaves {}
#[doc = include_str!("coming_from_ts_tcpip.md")]
pub mod coming_from_ts_tcpip {}
#[doc = include_str!("scripts.md")]
pub mod scripts {}
#[doc = include_str!("what_it_costs.md")]
#[doc = include_str!("what_it_costs_figures.md")]
pub mod what_it_costs {}
mod conformance;
mod event_queue;
mod eventually;
mod expect;
mod fail_on_warnings;
pub mod faults;
mod fixture_error;
mod network;
mod no_leaks;
mod one_client_server_test_case;
pub mod proxy;
mod script;
mod side;
mod test_read_loop_server;
mod transcript;

pub use tcpip_server::STD_TIMEOUT;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use self::script::fuzzing;

pub use self::{
    conformance::{
        Conformance, ConformanceError, ConformanceFailure, ConformanceProblem, DEFAULT_LISTEN_TIME, DEFAULT_STUCK_TIME,
        Heard, conformance,
    },
    eventually::{DEFAULT_EVENTUALLY_TIMEOUT, Eventual, Eventually, eventually},
    expect::ExpectExt,
    fail_on_warnings::{FailOnWarnings, fail_on_warnings},
    faults::seed,
    fixture_error::FixtureError,
    network::{
        DEFAULT_MEMORY_WINDOW, EnteredNetwork, MemoryHost, MemoryLink, MemoryNetwork, Outage, memory_pair,
        memory_streams,
    },
    no_leaks::{LeakError, OTHERS_TIMEOUT, no_leaks, no_leaks_within},
    one_client_server_test_case::OneClientServerTestCase,
    proxy::{FaultGuard, FaultProxy},
    script::{
        Captured, DEFAULT_FINISH_TIMEOUT, FailureReason, PeerError, Script, ScriptError, ScriptFailure, ScriptFault,
        ScriptedClient, ScriptedPeer, ScriptedServer,
    },
    test_read_loop_server::{TestOneClientReadLoopServer, TestReadLoop, TestServerBuilder},
    transcript::{
        CheckError, DEFAULT_KEPT_BYTES, DEFAULT_KEPT_CHUNKS, Record, Transcript, TranscriptChunk, TranscriptDiffers,
    },
};
