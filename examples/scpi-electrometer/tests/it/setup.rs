//! The mock and the controller, connected.

use std::time::Duration;

use scpi_electrometer::{Electrometer, link};
use scpi_electrometer_mock::MockElectrometer;
use tcpip_client::{Link, LinkBuilder, LinkError, LinkState, WireLog};
use tcpip_server::OneClientReadLoopServer;
use tokio::time::timeout;

pub(crate) const IDENTITY: &str = "MOCK,PICO-1,0042,1.0";

pub(crate) struct Setup {
    pub(crate) mock: OneClientReadLoopServer<MockElectrometer>,
    pub(crate) log: WireLog,
    pub(crate) link: Link,
    pub(crate) electrometer: Electrometer,
}

impl Setup {
    /// With an electrometer that takes next to no time to measure, and what `options` adds to the link.
    pub(crate) async fn with(options: impl FnOnce(LinkBuilder) -> LinkBuilder) -> Self {
        let mock = start(MockElectrometer::new().measuring_time(Duration::from_millis(1)), 0).await;
        let log = WireLog::ring(1000);
        let link = options(link(mock.host(), mock.port(), &log)).connect().await.unwrap();
        let electrometer = Electrometer::new(&link);
        Self { mock, log, link, electrometer }
    }

    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    /// What has passed, without the times.
    pub(crate) fn passed(&self) -> Vec<String> {
        let line = |frame: &tcpip_client::WireFrame| {
            let line = frame.to_string();
            line[line.find(['<', '-']).unwrap()..].to_owned()
        };
        self.log.frames().iter().map(line).collect()
    }
}

pub(crate) async fn start(mock: MockElectrometer, port: u16) -> OneClientReadLoopServer<MockElectrometer> {
    mock.server().host("127.0.0.1").port(port).start().await.unwrap()
}

/// Why an attempt fails, or a session ends, which must be soon.
pub(crate) async fn failure(link: &Link) -> LinkError {
    let mut states = link.states();
    let failed = states.wait_for(|state| matches!(state, LinkState::Backoff { .. }));
    let state = timeout(Duration::from_secs(5), failed).await.expect("the link fails").unwrap();
    match &*state {
        LinkState::Backoff { error, .. } => error.clone(),
        state => panic!("{state:?}"),
    }
}
