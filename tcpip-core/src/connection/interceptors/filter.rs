//! A protocol between the stream and the messages.

/// A protocol between the stream and the messages of a session, such as telnet's: it takes its own bytes out of what
/// arrives, and may answer them. An option, [`filter`](crate::ConnectionOptions::filter); each session has its own.
///
/// It is called by whoever reads or writes, with no lock held. Chunks are given to it one at a time, in their order;
/// messages of several tasks may be given to it at once, and together with a chunk. So what it remembers is behind a
/// lock of its own.
///
/// Dropped with the last handle of its session.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
/// use tcpip_core::Filter;
///
/// /// For a peer that asks "are you there?" with a byte of its own, 0x05, among all others.
/// #[derive(Default)]
/// struct Enquiries(Mutex<u64>);
///
/// const ENQ: u8 = 0x05;
/// const ACK: u8 = 0x06;
///
/// impl Filter for Enquiries {
///     fn received(&self, chunk: &[u8], input: &mut Vec<u8>, answer: &mut Vec<u8>) {
///         for byte in chunk {
///             match *byte {
///                 ENQ => {
///                     answer.push(ACK);
///                     *self.0.lock().unwrap() += 1;
///                 }
///                 byte => input.push(byte),
///             }
///         }
///     }
/// }
///
/// let options = tcpip_core::ConnectionOptions::new().filter(Enquiries::default);
/// # assert_ne!(options, tcpip_core::ConnectionOptions::new());
/// ```
pub trait Filter: Send + Sync + 'static {
    /// Makes of a chunk that has arrived what is read, `input`, and what is answered at once, `answer`: both are empty
    /// before. A chunk is what one receive gave, and so ends anywhere.
    ///
    /// An answer is queued as a message of its own behind those that are queued, and goes out whole, without passing
    /// [`sent`](Self::sent). A peer that asks and does not read ends the session, once 64 KiB of answers wait. A socket
    /// is only read from while somebody reads: so that is when it is answered.
    ///
    /// A panic ends the session.
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, answer: &mut Vec<u8>);

    /// Makes of a message what is sent, `output`, which is empty before. Default: the same.
    ///
    /// The [`write_limit`](crate::ConnectionOptions::write_limit) and [`stats`](crate::Connection::stats) count what
    /// this makes of a message.
    ///
    /// # Panics
    ///
    /// A panic is that of the write, of which nothing is sent then.
    fn sent(&self, message: &[u8], output: &mut Vec<u8>) {
        output.extend_from_slice(message);
    }
}
