//! A log with a lock of its own, as an interpreter's is: whoever has the lock may ask the server something.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tcpip_server::{DEFAULT_ENCODING, OneClientServer};
use tokio::sync::oneshot;
use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

use crate::dial::dial_in;

/// Far longer than anything here takes.
const STUCK: Duration = Duration::from_secs(30);

/// A request to ask the server and answer then, or to stop.
type Request = Option<mpsc::SyncSender<()>>;

/// Waits, with each event, until another thread has asked the server.
struct Asks(mpsc::SyncSender<Request>);

impl<S: Subscriber> Layer<S> for Asks {
    fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
        let (answer, answered) = mpsc::sync_channel(1);
        if self.0.send(Some(answer)).is_ok() {
            answered.recv_timeout(STUCK).expect("the server answers while it logs");
        }
    }
}

/// A session begins and ends with no lock of the server held while that is logged.
#[test]
fn a_server_can_be_asked_while_it_logs() {
    let (ask, asked) = mpsc::sync_channel::<Request>(1);
    let (give, given) = oneshot::channel::<Arc<OneClientServer>>();
    let asking = thread::spawn(move || {
        // What is logged before there is a server is not about one.
        let server = given.blocking_recv().unwrap();
        let mut count = 0;
        while let Ok(Some(answer)) = asked.recv() {
            assert_eq!((server.is_closed(), server.encoding()), (false, DEFAULT_ENCODING));
            answer.send(()).unwrap();
            count += 1;
        }
        count
    });
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = Arc::new(runtime.block_on(OneClientServer::builder().start()).unwrap());
        give.send(Arc::clone(&server)).unwrap();
        let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(Asks(ask.clone())));
        runtime.block_on(async {
            let (first, session) = dial_in(&*server).await;
            drop(first);
            session.wait_closed().await;
            dial_in(&*server).await;
            server.close().await;
        });
    }
    ask.send(None).unwrap();
    assert!(asking.join().unwrap() >= 3, "each session says that it begins and ends");
}
