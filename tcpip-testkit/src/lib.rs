//! Fixtures for the tests of TCP/IP clients and servers.

mod event_queue;
mod fixture_error;
mod one_client_server_test_case;
mod test_read_loop_server;

pub use tcpip_server::STD_TIMEOUT;

pub use self::{
    fixture_error::FixtureError,
    one_client_server_test_case::OneClientServerTestCase,
    test_read_loop_server::{TestOneClientReadLoopServer, TestReadLoop, TestServerBuilder},
};
