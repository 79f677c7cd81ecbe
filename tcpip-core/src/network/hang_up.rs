//! Learning that the other end is gone, without reading.

use std::{io, mem::MaybeUninit, time::Duration};

use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream, time::sleep};

use crate::connection::HangUpDetection;

/// Returns once the peer has hung up: in good order, halfway or with a reset, also behind unread data.
pub(crate) async fn hung_up(socket: &TcpStream, detection: HangUpDetection, interval: Duration) {
    if is_event(detection) {
        hung_up_by_event(socket).await;
    } else {
        by_polling(socket, interval).await;
    }
}

/// Whether the system tells of a hang-up as an event.
pub(crate) fn is_event(detection: HangUpDetection) -> bool {
    cfg!(target_os = "linux") && detection == HangUpDetection::Automatic
}

/// Waits for the [event](is_event). Urgent data, which the socket is not registered for, does not cause one.
///
/// A session's task awaits this all the time, and the arguments of an `async fn` would have room in it twice.
pub(crate) fn hung_up_by_event(socket: &TcpStream) -> impl Future<Output = ()> + Send {
    #[cfg(target_os = "linux")]
    const EVENT: Interest = Interest::PRIORITY;
    #[cfg(not(target_os = "linux"))]
    const EVENT: Interest = Interest::READABLE;
    async move {
        while let Ok(ready) = socket.ready(EVENT).await {
            if ready.is_read_closed() {
                return;
            }
        }
        // The runtime is shutting down, and this task with it.
        std::future::pending::<()>().await;
    }
}

/// Looks at the state that the runtime has noted, every `interval`; never if that is zero.
async fn by_polling(socket: &TcpStream, interval: Duration) {
    while !interval.is_zero() {
        sleep(interval).await;
        match socket.ready(Interest::READABLE | Interest::WRITABLE).await {
            Ok(ready) if ready.is_read_closed() => return,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    std::future::pending::<()>().await;
}

/// Asks the kernel whether the peer has hung up, now: what the runtime has noted may be older.
#[cfg(target_os = "linux")]
pub(super) fn has_hung_up(socket: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let hung_up = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut sockets = [PollFd::new(socket, hung_up)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut sockets, Some(&at_once)).is_ok() && sockets[0].revents().intersects(hung_up)
}

/// Asks the kernel whether the peer has hung up, now, as far as this system tells.
#[cfg(not(target_os = "linux"))]
pub(super) fn has_hung_up(socket: &TcpStream) -> bool {
    match peek(socket) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// How many received bytes wait in the kernel.
#[cfg(target_os = "linux")]
pub(super) fn unread(socket: &TcpStream) -> usize {
    let count = rustix::io::ioctl_fionread(socket).unwrap_or(0);
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// How many received bytes wait in the kernel: this system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn unread(_socket: &TcpStream) -> usize {
    0
}

/// Whether received data waits in the kernel.
///
/// An error is the end of the stream, which the system tells only once.
pub(super) fn has_unread(socket: &TcpStream) -> io::Result<bool> {
    match peek(socket) {
        Ok(count) => Ok(count > 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

fn peek(socket: &TcpStream) -> io::Result<usize> {
    SockRef::from(socket).peek(&mut [MaybeUninit::uninit()])
}
