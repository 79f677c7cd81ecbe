//! Telemetry, which belongs to the session of a client.

use std::time::Duration;

use moog_mock::{MockController, SimpleDevice};
use moog_protocol::{Header, SimpleConfig, SimpleTelemetry, frame_id};
use tcpip_client::Client;
use tcpip_testkit::MemoryNetwork;
use tokio::time::Instant;

/// The configuration comes at once, telemetry every 0.1 s, each a little further; for the next client the same again,
/// from where the axis is, and nothing moves while nobody is there.
#[test_log::test(tokio::test(start_paused = true))]
async fn telemetry_comes_every_tenth_of_a_second() {
    let _entered = MemoryNetwork::new().enter();
    let server = MockController::new(SimpleDevice::new()).server().host("axis").start().await.unwrap();
    let mut expected = 0.0;
    for _ in 0..3 {
        let client = Client::builder("axis", server.port()).connect().await.unwrap();
        let began = Instant::now();
        let header: Header = client.read_struct().await.unwrap();
        assert_eq!((header.frame_id.get(), header.counter.get()), (frame_id::CONFIG, 0));
        let config: SimpleConfig = client.read_struct().await.unwrap();
        assert_eq!(config.drives_enabled, 0);
        for number in 0..20 {
            let header: Header = client.read_struct().await.unwrap();
            assert_eq!(header.frame_id.get(), frame_id::TELEMETRY);
            let telemetry: SimpleTelemetry = client.read_struct().await.unwrap();
            expected += 0.001;
            assert_eq!(telemetry.curr_position.get().to_bits(), f64::to_bits(expected));
            let elapsed = began.elapsed();
            let due = Duration::from_millis(100) * number;
            assert!(elapsed >= due && elapsed < due + Duration::from_millis(10), "{elapsed:?}");
        }
        client.close().await;
        server.connection().wait_closed().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}
