//! What has arrived and nobody has read.

use crate::{
    connection::{Connection, transport::unread_beneath},
    session::Session,
};

/// How often what has arrived is counted at most, while others read.
const MOST_COUNTS: usize = 8;

impl Connection {
    /// Returns how many bytes have arrived that no read has taken, now: those in the buffer, and those that the system
    /// has, which is asked, since what a runtime knows of a socket may be older. Nothing is read, and no turn is taken.
    ///
    /// Before a command goes out, with nobody else reading, they are stray: of a peer that answers no more than it is
    /// asked, one of them would be taken for the reply. [`discard_input`](Self::discard_input) drops them.
    ///
    /// While another task reads, this counts bytes on their way to it, or not. Where the system does not tell how many
    /// it has (it is not Linux), they count as one. Over a stream that is no socket, what is ahead of the buffer is
    /// read into it, up to `limit`. Of a session that has ended, what is in the buffer counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use tcpip_core::{Connection, Result};
    ///
    /// /// For one task at a time, which closes the link if no reply comes: a late one would be taken for the next.
    /// async fn ask(device: &Connection, question: &str) -> Result<String> {
    ///     if device.unread() > 0 {
    ///         tracing::warn!("{} byte(s) came unasked", device.discard_input().await?);
    ///     }
    ///     device.write_str(question).await?;
    ///     Ok(device.read_str().await?)
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # assert!(ask(&Connection::closed(), "?").await.is_err());
    /// # }
    /// ```
    #[must_use]
    #[doc(alias = "FIONREAD")]
    pub fn unread(&self) -> usize {
        let Some(transport) = self.shared.transport.upgrade() else {
            self.look_for_hang_up();
            return self.look(Session::counts).unread;
        };
        let mut received = self.look(Session::counts).received;
        let mut counts_left = MOST_COUNTS;
        loop {
            // What moves into the buffer between the two looks is counted twice, and never missed.
            let beneath = unread_beneath(self, &**transport);
            let counts = self.look(Session::counts);
            counts_left -= 1;
            if counts.received == received || counts_left == 0 {
                return counts.unread.saturating_add(beneath);
            }
            received = counts.received;
        }
    }
}
