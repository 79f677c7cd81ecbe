//! The queue of events and its dispatcher, in every order that there is.

use std::{future::ready, sync::Arc};

use loom::{future::block_on, model::Builder, sync::Mutex, thread};

use super::{ConnectCallbacks, DisconnectReason};
use crate::{Connection, ConnectionEvent};

/// A session that two tasks end at once tells of its beginning and its end, each once and in order, to a dispatcher
/// that rests as to one that does not; and who waits for the callbacks finds them done.
#[test]
fn a_beginning_and_an_end_are_told_once_and_in_order() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut callbacks = ConnectCallbacks::default();
        let tells = Arc::clone(&told);
        callbacks.add(move |event: ConnectionEvent| {
            tells.lock().unwrap().push(event.is_connected());
            ready(())
        });
        let (events, dispatching) = callbacks.dispatch();
        let dispatcher = thread::spawn(move || block_on(dispatching));
        let connection = Connection::for_loom(events);
        connection.announce().tell();
        let other = connection.clone();
        let ends = thread::spawn(move || other.end(DisconnectReason::ClosedByPeer));
        connection.end(DisconnectReason::Closed);
        block_on(connection.callbacks_done());
        // Whoever sees the end finds its event in the queue.
        assert_eq!(*told.lock().unwrap(), [true, false]);
        ends.join().unwrap();
        // The session has let go of its events, and with them of the dispatcher.
        dispatcher.join().unwrap();
    });
}
