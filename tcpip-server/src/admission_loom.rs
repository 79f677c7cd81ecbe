//! Who is admitted, in every order that there is.
//!
//! What is tried is the accept loop as it is, with clients that are no sockets. The sessions' own tasks do not run, and
//! no timer fires; loom does not see what tokio does within its own.

use std::{
    io,
    pin::Pin,
    sync::{Arc, PoisonError},
    task::{Context, Poll},
};

use loom::{
    future::block_on,
    model::Builder,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tcpip_core::{
    Connection, DisconnectReason, NetworkStream,
    endpoint::{EventSource, SessionOptions},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::{self, Runtime},
};

use crate::{
    Admission, Listener,
    accept::{AcceptLoop, ClosedOnDrop, run_accept_loop},
    reception::{Reception, ShouldBeConnected},
};

/// So that the numbers of tasks are those of one test alone.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A client that says nothing.
#[derive(Clone, Default)]
struct Client(Arc<Hung>);

struct Hung(AtomicBool);

impl Default for Hung {
    fn default() -> Self {
        Self(AtomicBool::new(false))
    }
}

impl Client {
    fn hang_up(&self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

impl AsyncRead for Client {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Nobody waits for it: who admits looks by itself.
        if self.0.0.load(Ordering::SeqCst) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Has these clients come, the last of them first, and no others.
struct Clients(Vec<Client>);

impl Listener for Clients {
    fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<NetworkStream>> {
        self.0.pop().map_or(Poll::Pending, |client| Poll::Ready(Ok(NetworkStream::new(client))))
    }
}

/// A server whose accept loop is a thread.
struct Server {
    reception: Arc<Reception>,
    admitted: Arc<Mutex<Vec<Connection>>>,
    accepts: thread::JoinHandle<()>,
}

impl Server {
    fn start(clients: &[Client], admission: Admission) -> Self {
        let reception = Arc::new(Reception::new(Vec::new(), SessionOptions::new("loom")));
        let admitted = Arc::new(Mutex::new(Vec::<Connection>::new()));
        let notes = Arc::clone(&admitted);
        let accept_loop = AcceptLoop {
            listeners: vec![Box::new(Clients(clients.iter().rev().cloned().collect()))],
            next_listener: 0,
            events: EventSource::default(),
            start_handler: Box::new(move |connection| {
                let mut admitted = notes.lock().unwrap();
                assert!(admitted.iter().all(|last| !last.is_live()), "two clients are admitted");
                admitted.push(connection);
                None
            }),
            close_timeout: std::time::Duration::from_secs(1),
            admission,
            rejection_message: None,
            farewells: None,
            handler: None,
            ending: Vec::new(),
            said: None,
            errors: 0,
            reception: ClosedOnDrop(Arc::clone(&reception)),
        };
        let accepts = thread::spawn(move || block_on(run_accept_loop(accept_loop)));
        Self { reception, admitted, accepts }
    }

    /// Closes it. The sessions end with their runtime.
    fn close(self, runtime: Runtime) -> Vec<Connection> {
        self.reception.start_close(ShouldBeConnected::Cleared);
        drop(runtime);
        self.accepts.join().unwrap();
        assert!(self.reception.is_closed());
        let admitted = std::mem::take(&mut *self.admitted.lock().unwrap());
        assert!(admitted.iter().all(|session| session.is_closed()), "a session outlives its server");
        admitted
    }
}

fn model(test: impl Fn(Runtime) + Send + Sync + 'static) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(move || {
        let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
        // A runtime drops its tasks in an order that goes by their numbers, which go on from one try to the next.
        while runtime.spawn(async {}).id().to_string().parse::<u64>().unwrap() % 16 != 0 {}
        let handle = runtime.handle().clone();
        let _entered = handle.enter();
        test(runtime);
    });
}

/// Of two clients that come while the server closes the first, or the first hangs up, none is admitted beside the
/// other; if the first had gone before the second came, that is admitted.
#[test]
fn two_clients_are_never_both_admitted() {
    for admission in [Admission::Reject, Admission::Replace] {
        model(move |runtime| {
            let clients = [Client::default(), Client::default()];
            let server = Server::start(&clients, admission);
            clients[0].hang_up();
            server.reception.current().revoke(DisconnectReason::Closed);
            let admitted = server.close(runtime);
            assert!(admitted.len() <= 2);
        });
    }
}

/// A client that comes while the server is being closed is not admitted, or its session is ended: the close finds every
/// session that there is.
#[test]
fn a_close_finds_who_is_admitted() {
    model(|runtime| {
        let server = Server::start(&[Client::default()], Admission::Reject);
        let reception = Arc::clone(&server.reception);
        let waits = thread::spawn(move || block_on(reception.wait_connected()).is_some());
        let admitted = server.close(runtime);
        let was_seen = waits.join().unwrap();
        assert!(!was_seen || admitted.len() == 1, "somebody was seen who was not admitted");
        for session in admitted {
            assert_eq!(session.reason(), Some(DisconnectReason::Closed));
            assert!(!session.should_be_connected(), "the close has missed it, and only its runtime's end has found it");
        }
    });
}
