//! What the system has still to deliver.

use tokio::net::TcpStream;

/// How many bytes the socket has taken that the peer's system has not acknowledged, the end of the stream counted as
/// one; `None` where the system does not tell.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no crate at hand has a safe call for SIOCOUTQ")]
pub(super) fn unacknowledged(socket: &TcpStream) -> Option<usize> {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    #[expect(clippy::cast_possible_truncation, reason = "the numbers of ioctls have 32 bits")]
    const SIOCOUTQ: Opcode = libc::TIOCOUTQ as Opcode;
    // SAFETY: tcp(7) says that this writes one `int` behind its argument, and does nothing else.
    let count = unsafe { ioctl(socket, Getter::<SIOCOUTQ, libc::c_int>::new()) };
    count.ok().and_then(|count| usize::try_from(count).ok())
}

/// How many bytes the socket has taken that the peer's system has not acknowledged: this system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_socket: &TcpStream) -> Option<usize> {
    None
}
