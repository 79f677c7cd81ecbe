//! The end that is not measured: a thread that only writes, or only reads, with blocking calls.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread::{self, JoinHandle},
};

use crate::{Failure, frames::Frames};

/// How much a thread that writes gives to the system at once, about.
const BLOCK: usize = 64 * 1024;

/// A thread that serves one connection after another until its work is done.
pub(crate) struct OtherEnd {
    address: SocketAddr,
    thread: JoinHandle<io::Result<()>>,
}

impl OtherEnd {
    fn start(serve: impl FnOnce(TcpListener) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { address: listener.local_addr()?, thread: thread::spawn(move || serve(listener)) })
    }

    /// Writes `count` frames to the first that connects, then waits until that has hung up.
    pub(crate) fn writes(frames: &Frames, count: usize) -> io::Result<Self> {
        let (bytes, total) = (frames.bytes().to_vec(), count * frames.length());
        Self::start(move |listener| {
            let (mut stream, _) = listener.accept()?;
            for start in (0..total).step_by(bytes.len()) {
                for block in bytes[..bytes.len().min(total - start)].chunks(BLOCK) {
                    stream.write_all(block)?;
                }
            }
            stream.read(&mut [0]).map(drop)
        })
    }

    /// Reads `total` bytes and the end from the first that connects: `expected` again and again.
    pub(crate) fn reads(expected: &[u8], total: usize) -> io::Result<Self> {
        // So long that whatever part of it comes at once is there in one piece.
        let period = (BLOCK / expected.len() + 1) * expected.len();
        let expected: Vec<_> = expected.iter().copied().cycle().take(period + BLOCK).collect();
        Self::start(move |listener| {
            let (mut stream, _) = listener.accept()?;
            let (mut buffer, mut seen) = (vec![0; BLOCK], 0);
            loop {
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                let start = seen % period;
                if buffer[..count] != expected[start..start + count] {
                    return Err(io::Error::other("what was written is not what was to be written"));
                }
                seen += count;
            }
            if seen == total { Ok(()) } else { Err(io::Error::other(format!("{seen} bytes of {total} came"))) }
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the work is done, which the measured end must have ended.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.thread.join().map_err(|_| "the other end panicked")??;
        Ok(())
    }
}
