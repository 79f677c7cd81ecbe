//! What is expected in return for messages.

use std::{collections::VecDeque, fmt, sync::Arc};

use crate::sync::Lock;

/// What is expected in return for messages that are answered in their order, such as where each reply is to go: in the
/// order in which the messages go out.
///
/// [`Batch::send_expecting`](crate::Batch::send_expecting) puts a value in, in one step with the message: so two tasks
/// cannot swap their replies. Whoever reads the replies takes the values [out](Self::pop). A message of which not a
/// byte leaves, since its sending fails or is dropped before, has its value dropped; that of one on its way stays,
/// since the reply will come.
///
/// Replies are counted, not recognised: one that never comes shifts all behind it. So where a peer may leave a message
/// unanswered, [close](crate::Connection::basic_close) when a reply does not come in time. And what comes unasked must
/// be told from a reply before a value is taken out for it.
///
/// Clones share the values. Dropping the last one drops them. One serves one session: what the end of a session leaves
/// in it will not be answered.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use tcpip_core::{NetworkStream, endpoint::{ConnectCallbacks, SessionOptions}};
/// # let start = |stream| {
/// #     let (events, _) = ConnectCallbacks::default().start(&tracing::Span::none());
/// #     Connection::start(NetworkStream::new(stream), SessionOptions::new("example"), "example", events)
/// # };
/// # let (near, far) = tokio::io::duplex(1024);
/// # let (connection, device) = (start(near)?, start(far)?);
/// use tcpip_core::{Connection, Expected, ReadError, Result};
/// use tokio::sync::oneshot;
///
/// type Replies = Expected<oneshot::Sender<String>>;
///
/// /// Any number of tasks may ask, without waiting for each other. `None`: the session has ended.
/// async fn ask(connection: &Connection, replies: &Replies, question: &str) -> Result<Option<String>> {
///     let (sender, reply) = oneshot::channel();
///     connection.batch().write_str(question)?.send_expecting(replies, sender).await?;
///     Ok(reply.await.ok())
/// }
///
/// /// One task reads, to the end of the session. A reply that nobody waits for any more is taken all the same.
/// async fn read_replies(connection: &Connection, replies: &Replies) -> ReadError {
///     let error = loop {
///         match connection.read_str().await {
///             Ok(reply) => drop(replies.pop().map(|sender| sender.send(reply))),
///             Err(error) if error.ends_session() => break error,
///             Err(error) => drop((replies.pop(), error)),
///         }
///     };
///     while replies.pop().is_some() {}
///     error
/// }
/// # let replies = Replies::new();
/// # let answer = async {
/// #     for _ in 0..2 {
/// #         let question = device.read_str().await?;
/// #         device.write_str(&question.to_uppercase()).await?;
/// #     }
/// #     Ok::<(), tcpip_core::Error>(())
/// # };
/// # let (reading, taking) = (connection.clone(), replies.clone());
/// # let reader = async move { read_replies(&reading, &taking).await };
/// # let reader = tokio::spawn(reader);
/// # let (one, two) = (ask(&connection, &replies, "one"), ask(&connection, &replies, "two"));
/// # let (one, two, answered) = tokio::join!(one, two, answer);
/// # answered?;
/// # assert_eq!((one?.as_deref(), two?.as_deref()), (Some("ONE"), Some("TWO")));
/// # device.close().await;
/// # assert!(reader.await?.ends_session());
/// # Ok(())
/// # }
/// ```
pub struct Expected<T>(Arc<Lock<VecDeque<Entry<T>>>>);

struct Entry<T> {
    place: PlaceInOrder,
    value: T,
}

/// The number of a session, and that of a message of it.
type PlaceInOrder = (u64, u64);

impl<T> Expected<T> {
    /// Nothing is expected yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Takes out what is expected next, for the oldest message; `None` if nothing is.
    #[must_use]
    pub fn pop(&self) -> Option<T> {
        self.0.lock().pop_front().map(|entry| entry.value)
    }

    /// Takes out what is expected for the oldest message for which that `is_wanted`; `None` if there is none. For
    /// replies that say to which message they belong.
    ///
    /// `is_wanted` is called under a lock: it must neither wait, nor use what is expected or the connection.
    #[must_use]
    pub fn take_first(&self, mut is_wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let mut entries = self.0.lock();
        let at = entries.iter().position(|entry| is_wanted(&entry.value))?;
        entries.remove(at).map(|entry| entry.value)
    }

    /// Looks at what is expected, from the oldest message on, and takes nothing out. Returns the first that `look`
    /// returns; `None` if that is always `None`. For replies that are not the last of their message.
    ///
    /// `look` is called under a lock: it must neither wait, nor use what is expected or the connection.
    pub fn find_map<R>(&self, mut look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        self.0.lock().iter().find_map(|entry| look(&entry.value))
    }
}

impl<T: Send + 'static> Expected<T> {
    /// A place for `value`, which is taken with the message.
    pub(in crate::connection) fn reserve(&self, value: T) -> Box<dyn Reserved> {
        Box::new(Reservation { expected: self.clone(), value: Some(value), taken: None })
    }
}

/// A place among what is expected.
pub(in crate::connection) trait Reserved: Send {
    /// Takes it, for that message of that session. Nothing of the user's runs.
    fn take_place(&mut self, session: u64, number: u64);

    /// Gives it back, since the message will not be answered. Nothing of the user's runs: the value is dropped later.
    fn give_back(&mut self);
}

struct Reservation<T> {
    expected: Expected<T>,
    value: Option<T>,
    taken: Option<PlaceInOrder>,
}

impl<T: Send> Reserved for Reservation<T> {
    fn take_place(&mut self, session: u64, number: u64) {
        if let Some(value) = self.value.take() {
            self.taken = Some((session, number));
            self.expected.0.lock().push_back(Entry { place: (session, number), value });
        }
    }

    fn give_back(&mut self) {
        let Some(place) = self.taken.take() else { return };
        let mut entries = self.expected.0.lock();
        let entry = entries.iter().position(|entry| entry.place == place).and_then(|at| entries.remove(at));
        self.value = entry.map(|entry| entry.value);
    }
}

impl<T> Clone for Expected<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Expected<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Expected<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Expected").field("count", &self.0.lock().len()).finish()
    }
}
