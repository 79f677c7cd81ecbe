//! The mock and the controller, connected.

use std::time::Duration;

use tcpip_client::{Backoff, DisconnectReason, Link, LinkError, LinkReader, LinkState};
use tcpip_server::OneClientReadLoopServer;
use tcpip_testkit::{MemoryNetwork, eventually};
use two_port::{Mirror, command_link, telemetry_link};
use two_port_mock::{CommandPort, MockMirror, TelemetryPort};

pub(crate) const HOST: &str = "127.0.0.1";

pub(crate) struct Setup {
    pub(crate) mock: MockMirror,
    pub(crate) commands: OneClientReadLoopServer<CommandPort>,
    pub(crate) telemetry: OneClientReadLoopServer<TelemetryPort>,
    pub(crate) mirror: Mirror,
}

impl Setup {
    /// In memory, for a clock that is paused.
    pub(crate) async fn in_memory(mock: MockMirror) -> Self {
        let _entered = MemoryNetwork::new().enter();
        let commands = mock.command_server().host("mirror").port(1).start().await.unwrap();
        let telemetry = mock.telemetry_server().host("mirror").port(2).start().await.unwrap();
        let mirror = Mirror::connect(command_link("mirror", 1), telemetry_link("mirror", 2));
        Self { mirror: mirror.await.unwrap(), mock, commands, telemetry }
    }

    /// In the network that is entered, or over sockets, with short pauses.
    pub(crate) async fn new() -> Self {
        let mock = MockMirror::new().speed(1000.0);
        let commands = mock.command_server().host(HOST).start().await.unwrap();
        let telemetry = mock.telemetry_server().host(HOST).start().await.unwrap();
        let short = Backoff::exponential(Duration::from_millis(50), Duration::from_millis(100));
        let mirror = Mirror::connect(
            command_link(HOST, commands.port()).backoff(short),
            telemetry_link(HOST, telemetry.port()).backoff(short),
        );
        Self { mirror: mirror.await.unwrap(), mock, commands, telemetry }
    }

    /// The numbers of both sessions.
    pub(crate) fn sessions(&self) -> (u64, u64) {
        (self.mirror.commands.connection().number(), self.mirror.telemetry.connection().number())
    }
}

/// Why a link is not up.
pub(crate) async fn failure<H: LinkReader>(link: &Link<H>) -> LinkError {
    let mut states = link.states();
    let state = eventually(states.wait_for(|state| matches!(state, LinkState::Backoff { .. }))).await.unwrap().clone();
    let LinkState::Backoff { error, .. } = state else { panic!("{state:?}") };
    error
}

/// Whether that link is down since the other is.
pub(crate) async fn is_down_with_the_other<H: LinkReader>(link: &Link<H>, other: &str) -> bool {
    let error = failure(link).await;
    let reason = link.connection().reason();
    let is_its = matches!(&error, LinkError::GroupLost { name } if &**name == other);
    assert!(is_its && reason == Some(DisconnectReason::GroupLost), "{error:?}, {reason:?}");
    !link.is_ready()
}
