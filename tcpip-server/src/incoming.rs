//! Where a server's clients come from.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use tcpip_core::{
    Connection, Listener, NetworkStream,
    endpoint::{EventSource, Pushed, SessionOptions, catch_panic_in},
};
use tokio::io::{AsyncWriteExt, copy, sink};

/// What logs call a server.
pub(crate) const KIND: &str = "server";

/// Takes the next client. Does not panic, whatever the listener does.
pub(crate) fn poll_accept(
    listener: &mut dyn Listener,
    context: &mut Context<'_>,
) -> Poll<Result<Incoming, AcceptError>> {
    let poll = || match listener.poll_accept(context) {
        Poll::Ready(Ok(stream)) => Poll::Ready(Ok(Incoming(Some(stream)))),
        // With its text and without itself, which may be a user's own type.
        Poll::Ready(Err(error)) => Poll::Ready(Err(AcceptError { kind: error.kind(), text: error.to_string() })),
        Poll::Pending => Poll::Pending,
    };
    catch_panic_in(poll).unwrap_or_else(|panic| {
        let text = format!("the listener panicked: {panic}");
        Poll::Ready(Err(AcceptError { kind: io::ErrorKind::Other, text }))
    })
}

/// What a listener says instead of giving a client.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct AcceptError {
    kind: io::ErrorKind,
    text: String,
}

impl AcceptError {
    /// Whether it concerns one client alone, or none: the next may be there.
    pub(crate) fn is_passing(&self) -> bool {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
        matches!(self.kind, ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
    }
}

/// A client that has not been admitted yet. Dropping it ends its stream, and does not panic, whatever the stream does.
pub(crate) struct Incoming(Option<NetworkStream>);

impl Incoming {
    fn stream(&self) -> &NetworkStream {
        self.0.as_ref().expect("what takes the stream takes all")
    }

    fn into_stream(mut self) -> NetworkStream {
        self.0.take().expect("what takes the stream takes all")
    }

    /// Why it is gone already, if it is.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        let transport = self.stream().transport()?;
        catch_panic_in(|| transport.take_error().unwrap_or_else(Some))
            .unwrap_or_else(|panic| Some(io::Error::other(panic)))
    }

    /// Ends the stream at once, and in good order if the client has sent little: unread input would turn the end into a
    /// reset.
    pub(crate) fn refuse(self) {
        const READ_AT_MOST: usize = 64 * 1024;
        let Some(transport) = self.stream().transport() else { return };
        guarded("stream", || {
            let mut scratch = [0; 4096];
            let mut discarded = 0;
            while discarded < READ_AT_MOST
                && let Ok(count @ 1..) = transport.try_read(&mut scratch)
            {
                discarded += count;
            }
        });
    }

    /// Sends `message`, ends the stream, and waits for the client to end it too: what it still sends would turn the end
    /// into a reset, which may overtake the message.
    pub(crate) fn say_farewell(self, message: Vec<u8>) -> impl Future<Output = ()> + Send + 'static {
        let mut stream = self.into_stream();
        async move {
            let told = async {
                stream.write_all(&message).await?;
                stream.shutdown().await?;
                copy(&mut stream, &mut sink()).await
            };
            if let Err(error) = told.await {
                tracing::debug!("a client is turned away, and perhaps not told so: {error}");
            }
        }
    }

    /// Starts the session, unless `admit` refuses it.
    pub(crate) fn start(
        self,
        options: Arc<SessionOptions>,
        events: EventSource,
        admit: impl FnOnce(&Connection) -> Option<Pushed>,
    ) -> io::Result<Option<Connection>> {
        Connection::start_admitted(self.into_stream(), options, KIND, events, admit)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let stream = self.0.take();
        guarded("stream", || drop(stream));
    }
}

/// Runs code of a user's. A panic of it is logged as one of `what`.
pub(crate) fn guarded(what: &str, call: impl FnOnce()) {
    if let Err(panic) = catch_panic_in(call) {
        tracing::error!("the {what} panicked: {panic}");
    }
}
