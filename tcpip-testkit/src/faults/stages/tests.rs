//! What a lane does with its source, its faults and the time.

use std::time::Duration;

use tcpip_core::Bytes;
use tokio::time::Instant;

use super::{
    Item,
    bench::{Bench, ms},
};
use crate::faults::{
    At, Event, Fault, Out, black_hole, custom, fin, latency, reset, reset_after, reset_when_idle, slow_close, stall,
};

fn late(milliseconds: u64) -> impl Fault {
    latency(Duration::from_millis(milliseconds))
}

/// Who comes late to a lane finds what would have left by then, and finds it again in time for the next fault.
#[test]
fn who_comes_late_changes_no_time() {
    let start = Instant::now();
    let time = |at| start + Duration::from_millis(at);
    let mut bench = Bench::with(late(10));
    bench.add(0, late(20));
    let mut lane = bench.lane;
    lane.chunk(time(1000), Bytes::from_static(b"x"));
    lane.advance(time(1017));
    assert_eq!((lane.next_time(), lane.front()), (Some(time(1030)), None));
    lane.advance(time(1017 + 50));
    assert_eq!(lane.front(), Some(&Item::Chunk(Bytes::from_static(b"x"))));
}

/// A reset by the source overtakes what is under way, and drops it; one by a fault comes behind what it has sent.
#[test]
fn a_reset_of_the_source_overtakes_and_one_of_a_fault_does_not() {
    let mut bench = Bench::with(late(10));
    bench.add(0, late(10));
    bench.chunk(ms(1), b"dropped");
    bench.reset(ms(2));
    assert_eq!(bench.left, [(ms(2), Item::Reset)]);

    let mut bench = Bench::with(reset().after(3));
    bench.add(0, late(10));
    bench.chunk(ms(1), b"arrives");
    bench.run_until(ms(100));
    let expected = [(ms(11), Item::Chunk(Bytes::from_static(b"arr"))), (ms(11), Item::Reset)];
    assert_eq!(bench.left, expected);
}

/// A reset by a timer overtakes what is under way, in all stages, up to one that does not pass it on; and one that a
/// fault sends when it hears of another, or is removed.
#[test]
fn a_reset_of_a_timer_overtakes() {
    let second = Duration::from_secs(1);
    let mut bench = Bench::with(reset_after(second));
    bench.add(0, stall().after(3));
    bench.add(0, late(10_000));
    bench.chunk(ms(1), b"dropped");
    bench.run_until(ms(60_000));
    assert_eq!(bench.left, [(ms(1000), Item::Reset)]);

    let mut bench = Bench::with(reset_when_idle(second));
    let hole = bench.add(0, black_hole());
    bench.run_until(ms(60_000));
    assert_eq!(bench.left, []);
    bench.remove(ms(60_000), hole);
    assert_eq!(bench.left, [(ms(60_000), Item::Reset)]);

    let mut bench = Bench::with(late(10_000));
    let own = bench.add(0, |event: Event<'_>, _: At, out: &mut Out<'_>| match event {
        Event::Reset | Event::Removed => {
            out.send(b"lost");
            out.reset_now();
            out.reset_now();
        }
        event => out.pass(event),
    });
    bench.add(0, late(10_000));
    bench.chunk(ms(1), b"dropped");
    bench.reset(ms(2));
    assert_eq!(bench.left, [(ms(2), Item::Reset)]);
    bench.remove(ms(3), own);
    assert_eq!(bench.left, [(ms(2), Item::Reset)]);
}

/// What a black hole has swallowed stays lost, but the peer learns of the end when it is removed; and before that
/// of nothing, not even of a reset.
#[test]
fn a_black_hole_lets_nothing_out() {
    for is_reset in [false, true] {
        let mut bench = Bench::new();
        let id = bench.add(0, black_hole());
        bench.chunk(ms(1), b"lost");
        if is_reset {
            bench.reset(ms(2));
        } else {
            bench.end(ms(2));
        }
        bench.run_until(ms(1000));
        assert_eq!(bench.left, []);
        bench.remove(ms(1000), id);
        assert_eq!(bench.left, [(ms(1000), if is_reset { Item::Reset } else { Item::End })]);
    }
}

/// The source is held up as soon as so much is under way as the window says, wherever it is, and read again as soon
/// as it is less.
#[test]
fn a_full_window_holds_the_source_up() {
    let mut bench = Bench::with(late(10));
    let before = bench.lane.room();
    bench.chunk(ms(1), &[0; 1000]);
    bench.chunk(ms(2), &vec![0; before - 1000]);
    assert_eq!(bench.lane.room(), 0);
    bench.run_until(ms(11));
    assert_eq!(bench.lane.room(), 1000);
    bench.run_until(ms(12));
    assert_eq!(bench.lane.room(), before);
}

/// Reading stops when one fault says so, and goes on when none does.
#[test]
fn reading_stops_as_long_as_a_fault_says_so() {
    let stops = || {
        custom(|event, _, out| match event {
            Event::Open => {
                out.stop_reading();
                out.wake_after(Duration::from_millis(5));
            }
            Event::Timer => out.read_on(),
            _ => {}
        })
    };
    let mut bench = Bench::with(stops());
    let id = bench.add(ms(2), stall());
    assert_eq!(bench.lane.room(), 0);
    bench.run_until(ms(5));
    assert_eq!(bench.lane.room(), 0);
    bench.remove(ms(6), id);
    assert_ne!(bench.lane.room(), 0);
}

/// What a fault before a stall has let go, the end too, waits until the stall is removed.
#[test]
fn what_had_been_read_waits_for_the_end_of_a_stall() {
    let mut bench = Bench::with(latency(Duration::from_millis(10)));
    bench.chunk(ms(1), b"a");
    bench.end(ms(1));
    let id = bench.add(ms(2), stall());
    bench.run_until(ms(100));
    assert_eq!(bench.left, []);
    bench.remove(ms(101), id);
    assert_eq!(bench.left, [(ms(101), Item::Chunk(Bytes::from_static(b"a"))), (ms(101), Item::End)]);
}

/// Nothing comes behind the end, whichever fault has sent it; what it says of its time holds.
#[test]
fn nothing_comes_behind_the_end() {
    let mut bench = Bench::with(slow_close(Duration::from_millis(7)));
    bench.chunk(ms(1), b"a");
    bench.end(ms(2));
    bench.run_until(ms(100));
    assert_eq!(bench.left[1..], [(ms(9), Item::End)]);
    bench.add(ms(101), custom(|_, _, out| out.send(b"never")));
    assert_eq!(bench.left.len(), 2);

    let mut bench = Bench::with(fin().after(1));
    bench.chunk(ms(1), b"ab");
    bench.chunk(ms(2), b"c");
    assert_eq!(bench.left, [(ms(1), Item::Chunk(Bytes::from_static(b"a"))), (ms(1), Item::End)]);
}

/// A fault is told of each event once, in order, with the bytes that have come before.
#[test]
fn a_fault_is_told_of_each_event_once() {
    let (sender, told) = std::sync::mpsc::channel();
    let tell = move |event: Event<'_>, at: At, out: &mut Out<'_>| {
        sender.send(format!("{event:?} at {}", at.position)).unwrap();
        if event == Event::Open {
            out.wake_after(Duration::from_millis(4));
        }
        out.pass(event);
    };
    let mut bench = Bench::new();
    bench.chunk(ms(1), b"before");
    let id = bench.add(ms(2), tell);
    bench.chunk(ms(3), b"ab");
    bench.chunk(ms(8), b"c");
    bench.end(ms(9));
    bench.remove(ms(10), id);
    let told: Vec<_> = told.try_iter().collect();
    let expected = ["Open at 6", "Chunk([97, 98]) at 6", "Timer at 8", "Chunk([99]) at 8", "End at 9", "Removed at 9"];
    assert_eq!(told, expected);
}

/// A timer that is always set anew, however short it is, lets the time pass.
#[test]
fn a_timer_without_a_delay_lets_the_time_pass() {
    let mut bench = Bench::with(custom(|event, _, out| {
        if let Event::Open | Event::Timer = event {
            out.send(b"x");
            out.wake_after(Duration::ZERO);
        }
    }));
    bench.run_until(ms(5));
    assert_eq!(bench.bytes(), b"xxxxxx");
}
