//! How exact the times are over sockets, on a machine that has nothing else to do:
//! `cargo test -p tcpip-testkit --test it -- --ignored --test-threads 1 quiet`.

use std::time::Duration;

use tcpip_testkit::faults::{self, Fault};
use tokio::time::Instant;

use super::{Rig, Tcp, ms, receive, send};

/// How long so many bytes take.
async fn time_of(fault: impl Fault, count: usize) -> Duration {
    let mut rig = Rig::new::<Tcp>().await;
    let (mut client, mut server) = rig.connect().await;
    let _fault = rig.proxy.to_client().add(fault);
    let since = Instant::now();
    tokio::join!(biased; send(&mut server, vec![7; count]), receive(&mut client, count));
    since.elapsed()
}

/// A delay is exact to 5 ms, a rate to a tenth.
#[ignore = "it needs a quiet machine"]
#[test_log::test(tokio::test)]
async fn times_are_exact_on_a_quiet_machine() {
    for delay in [1, 20, 100, 500] {
        let took = time_of(faults::latency(ms(delay)), 100).await;
        assert!((ms(delay)..ms(delay + 5)).contains(&took), "{delay} ms: {took:?}");
    }
    for (rate, count) in [(960, 480), (100_000, 50_000), (10_000_000, 5_000_000)] {
        let took = time_of(faults::bandwidth(rate), count).await;
        assert!((ms(500)..ms(550)).contains(&took), "{rate} bytes a second: {took:?}");
    }
}
