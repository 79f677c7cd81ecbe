//! Waiting for a change, in every order that there is.

use std::sync::Arc;

use loom::{future::block_on, model::Builder, thread};

use super::Watched;

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(test);
}

/// No change is missed, made in one step or told afterwards: a wait that missed one would never end.
#[test]
fn a_wait_never_misses_a_change() {
    model(|| {
        let watched = Arc::new(Watched::new(0));
        let changing = Arc::clone(&watched);
        let changes = thread::spawn(move || {
            changing.change(|value| *value += 1);
            *changing.lock() += 1;
            changing.tell();
        });
        block_on(watched.wait_for(|value| (*value == 2).then_some(())));
        changes.join().unwrap();
    });
}

/// Of several who wait for several things each is woken for its own.
#[test]
fn all_who_wait_are_woken() {
    model(|| {
        let watched = Arc::new(Watched::new(0));
        let waits = [1, 2].map(|wanted| {
            let watched = Arc::clone(&watched);
            thread::spawn(move || block_on(watched.wait_for(|value| (*value >= wanted).then_some(()))))
        });
        watched.change(|value| *value += 1);
        watched.change(|value| *value += 1);
        waits.into_iter().for_each(|wait| wait.join().unwrap());
    });
}
