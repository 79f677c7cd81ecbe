//! Any faults, installed and removed at any time, beside a model: what each of them does to the time at which a byte
//! comes.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    Item,
    bench::{Bench, ms},
};
use crate::faults::{self, Event, Fault};

/// A fault whose effect on each byte is simple to say.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// By so many milliseconds.
    Latency(u64),
    /// A byte takes so many milliseconds.
    Slow(u64),
    Sliced(usize),
    Stalled,
    /// Every second byte later than the others by so many milliseconds, by a timer of the fault's own.
    Kept(u64),
}

#[derive(Clone, Debug)]
enum Action {
    Chunk(usize),
    Add(Kind),
    /// The n-th of those that are there.
    Remove(usize),
    End,
}

/// What is sent: the bytes, and behind them the end.
const END: u16 = 256;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (0..40_u64).prop_map(Kind::Latency),
        (1..5_u64).prop_map(Kind::Slow),
        (1..4_usize).prop_map(Kind::Sliced),
        Just(Kind::Stalled),
        (1..20_u64).prop_map(Kind::Kept),
    ]
}

/// Each some milliseconds behind the one before.
fn actions() -> impl Strategy<Value = Vec<(u64, Action)>> {
    let action = prop_oneof![
        8 => (1..12_usize).prop_map(Action::Chunk),
        3 => kinds().prop_map(Action::Add),
        3 => (0..4_usize).prop_map(Action::Remove),
        1 => Just(Action::End),
    ];
    prop::collection::vec((0..30_u64, action), 1..40)
}

/// A fault that keeps a chunk itself until its timer, or something else than a chunk, lets it go on.
fn kept(milliseconds: u64) -> impl Fault {
    let mut kept = Vec::new();
    faults::custom(move |event, _, out| match event {
        Event::Chunk(bytes) => {
            if kept.is_empty() {
                out.wake_after(Duration::from_millis(milliseconds));
            }
            kept.extend_from_slice(bytes);
        }
        event => {
            out.send(std::mem::take(&mut kept));
            out.pass(event);
        }
    })
}

/// What comes to a stage, and when.
type Arrivals = Vec<(u64, u16)>;

/// What leaves a stage that is there from one time to another.
fn through(kind: Kind, from: u64, until: u64, arrivals: &Arrivals) -> Arrivals {
    let (mut last, mut line_is_free, mut wakes) = (0, 0, 0);
    let end = arrivals.iter().find(|(_, what)| *what == END).map_or(u64::MAX, |(at, _)| *at);
    let leave = |(at, what): &(u64, u16)| {
        let at = *at;
        if at <= from || at >= until {
            return (at, *what);
        }
        let leaves = match kind {
            Kind::Latency(delay) => at + ms(delay),
            Kind::Slow(each) if *what != END => {
                line_is_free = at.max(line_is_free) + ms(each);
                line_is_free
            }
            Kind::Slow(_) | Kind::Sliced(_) => at,
            Kind::Stalled => u64::MAX,
            Kind::Kept(_) if *what == END => at,
            Kind::Kept(time) => {
                if at >= wakes {
                    wakes = at + ms(time);
                }
                wakes.min(end)
            }
        };
        last = leaves.max(last).min(until);
        (last, *what)
    };
    arrivals.iter().map(leave).collect()
}

struct Installation {
    kind: Kind,
    from: u64,
    until: u64,
    id: u64,
}

/// Does it all, and returns what left when, as the lane and as the model say.
fn run(actions: &[(u64, Action)]) -> (Arrivals, Arrivals) {
    let mut bench = Bench::new();
    let (mut sent, mut installations) = (Arrivals::new(), Vec::<Installation>::new());
    let (mut now, mut next, mut has_ended) = (ms(1), 0_u16, false);
    for (index, (pause, action)) in actions.iter().enumerate() {
        now += ms(pause + 1);
        // Nothing else happens at the times of installations and removals: they have nanoseconds of their own.
        let apart = now + index as u64 + 1;
        match action {
            Action::Chunk(length) if !has_ended => {
                let bytes: Vec<u16> = (next..).take(*length).map(|byte| byte % 256).collect();
                next += u16::try_from(*length).unwrap();
                sent.extend(bytes.iter().map(|byte| (now, *byte)));
                bench.chunk(now, &bytes.iter().map(|byte| u8::try_from(*byte).unwrap()).collect::<Vec<_>>());
            }
            Action::End if !has_ended => {
                has_ended = true;
                sent.push((now, END));
                bench.end(now);
            }
            Action::Chunk(_) | Action::End => {}
            Action::Add(kind) => {
                let id = match *kind {
                    Kind::Latency(delay) => bench.add(apart, faults::latency(Duration::from_millis(delay))),
                    Kind::Slow(each) => bench.add(apart, faults::Bandwidth::of_milliseconds(each)),
                    Kind::Sliced(size) => bench.add(apart, faults::slices(size)),
                    Kind::Stalled => bench.add(apart, faults::stall()),
                    Kind::Kept(time) => bench.add(apart, kept(time)),
                };
                installations.push(Installation { kind: *kind, from: apart, until: u64::MAX, id });
            }
            Action::Remove(which) => {
                let mut present: Vec<_> = installations.iter_mut().filter(|one| one.until == u64::MAX).collect();
                if !present.is_empty() {
                    let index = which % present.len();
                    present[index].until = apart;
                    bench.remove(apart, present[index].id);
                }
            }
        }
    }
    let horizon = now + ms(1_000_000);
    bench.run_until(horizon);
    let modelled = installations.iter().fold(sent, |arrivals, one| through(one.kind, one.from, one.until, &arrivals));
    let modelled = modelled.into_iter().filter(|(at, _)| *at <= horizon).collect();
    let left = bench.left.iter().flat_map(|(at, item)| {
        let what: Vec<u16> = match item {
            Item::Chunk(bytes) => bytes.iter().map(|byte| u16::from(*byte)).collect(),
            Item::End => vec![END],
            Item::Reset => panic!("nothing resets"),
        };
        what.into_iter().map(move |what| (*at, what))
    });
    (left.collect(), modelled)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("TCPIP_REQUESTS").map_or(300, |count| count.parse().expect("a number")),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is installed and removed, and whenever: each byte leaves exactly when all faults on its way say, none
    /// is lost, and none overtakes another.
    #[test]
    fn each_byte_leaves_when_all_faults_say(actions in actions()) {
        let (left, modelled) = run(&actions);
        prop_assert_eq!(left, modelled);
    }
}
