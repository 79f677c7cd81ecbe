//! A connection in memory does what one over sockets does: both are asked the same, in every order that chance finds.

use std::{
    fmt::Debug,
    io::{ErrorKind, IoSlice},
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use tcpip_client::{Abort, NetworkStream};
use tcpip_testkit::memory_streams;
use tokio::runtime::{Builder, Runtime};

use crate::{
    kinds::{Kind, Tcp},
    seeded::number,
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Read(usize),
    TakeError,
    Shutdown,
    ResetWhenDropped,
    Drop,
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..200usize).prop_map(Step::Write),
        6 => (1..300usize).prop_map(Step::Read),
        1 => Just(Step::Write(0)),
        1 => Just(Step::Read(0)),
        1 => Just(Step::TakeError),
        4 => Just(Step::Shutdown),
        1 => Just(Step::ResetWhenDropped),
        3 => Just(Step::Drop),
        1 => Just(Step::Abort),
    ]
}

/// Two ends, as long as they are there.
type Ends = [Option<NetworkStream>; 2];

/// What one end says to a step.
type Answer = Option<Result<Vec<u8>, ErrorKind>>;

fn take(ends: &mut Ends, side: usize, step: Step) -> Answer {
    let transport = ends[side].as_ref()?.transport()?;
    let answer = match step {
        Step::Write(count) => {
            transport.try_write_vectored(&[IoSlice::new(&vec![7; count])]).map(|count| vec![7; count])
        }
        Step::Read(count) => {
            let mut buffer = vec![0; count];
            transport.try_read(&mut buffer).map(|count| buffer[..count].to_vec())
        }
        Step::TakeError => transport.take_error().and_then(|error| error.map_or(Ok(Vec::new()), Err)),
        Step::Shutdown => {
            // Whether it says that it has been broken meanwhile is the system's affair.
            let _ = transport.shutdown_write();
            return None;
        }
        Step::ResetWhenDropped => {
            transport.abort(Abort::OnDrop);
            return None;
        }
        Step::Drop | Step::Abort => {
            if matches!(step, Step::Abort) {
                transport.abort(Abort::Now);
            }
            ends[side] = None;
            return None;
        }
    };
    Some(answer.map_err(|error| error.kind()))
}

/// What can be seen of both ends without changing anything.
fn seen(ends: &Ends) -> impl Debug + PartialEq + use<> {
    ends.each_ref().map(|end| {
        let transport = end.as_ref()?.transport()?;
        Some((transport.unread(), transport.has_hung_up()))
    })
}

fn check(runtime: &Runtime, steps: &[(bool, Step)]) -> Result<(), TestCaseError> {
    let (near, far) = runtime.block_on(Tcp::streams());
    let mut sockets: Ends = [near, far].map(|end| Some(NetworkStream::new(end)));
    let (near, far) = memory_streams(64 * 1024);
    let mut memory: Ends = [near, far].map(Some);
    for (number, (side, step)) in steps.iter().enumerate() {
        let answer = take(&mut memory, usize::from(*side), *step);
        prop_assert_eq!(take(&mut sockets, usize::from(*side), *step), answer, "step {}, in memory right", number);
        // Over loopback all arrives at once, unless the machine is busy.
        let since = Instant::now();
        while seen(&sockets) != seen(&memory) && since.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        prop_assert_eq!(seen(&sockets), seen(&memory), "behind step {}, in memory right", number);
    }
    Ok(())
}

/// Writes, reads, halves that end, ends that are dropped with and without unread input, and resets are answered alike.
/// `TCPIP_ORDERS` says how many orders are tried.
#[test_log::test]
#[cfg(target_os = "linux")]
fn a_connection_in_memory_answers_as_one_over_sockets() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(number("TCPIP_ORDERS", 200))
    });
    let runs = runner.run(&vec((any::<bool>(), step()), 0..24), |steps| check(&runtime, &steps));
    runs.unwrap_or_else(|error| panic!("{error}"));
}
