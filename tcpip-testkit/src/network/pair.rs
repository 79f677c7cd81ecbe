//! What the two ends of a connection do to each other, as those of TCP do: without a clock of its own.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

/// One of the two ends, by its place in [`Pair`].
pub(super) type Index = usize;

/// Both ends, and what is under way between them. Who waits is woken by [`take_woken`](Self::take_woken)'s caller.
#[derive(Debug)]
pub(super) struct Pair {
    latency: Duration,
    ends: [End; 2],
    woken: Woken,
}

#[derive(Debug)]
struct End {
    /// What it has sent and the other has not received, and when it arrives.
    wire: VecDeque<(Instant, Sent)>,
    unread: VecDeque<u8>,
    /// How much the other has room for, as far as this end knows.
    room: usize,
    state: State,
    sending: Half,
    receiving: Half,
    /// What has broken the connection, until it is told.
    error: Option<ErrorKind>,
    resets_when_left: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
enum Sent {
    Bytes(Vec<u8>),
    /// So much has been read: there is room for it again.
    Read(usize),
    End,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connected,
    /// Reset, by whichever end.
    Broken,
    /// Nobody has this end any more.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Open,
    Ended,
}

/// Who is to be woken, once the lock is free.
#[derive(Debug, Default)]
pub(super) struct Woken {
    pub(super) wakers: Vec<Waker>,
    /// Whoever waits for a hang-up has to look again.
    pub(super) may_have_hung_up: bool,
}

impl Pair {
    /// Each end takes `window` bytes before it is read, and all that is sent takes `latency` to arrive.
    pub(super) fn new(window: usize, latency: Duration) -> Self {
        Self { latency, ends: [End::new(window), End::new(window)], woken: Woken::default() }
    }

    pub(super) fn take_woken(&mut self) -> Woken {
        std::mem::take(&mut self.woken)
    }

    /// When the next of what is under way arrives, in either direction.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.ends.iter().filter_map(End::next_arrival).min()
    }

    /// Has all arrive that has done so by `now`, in order of time.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(next) = self.next_arrival().filter(|next| *next <= now) {
            let from = usize::from(self.ends[0].next_arrival() != Some(next));
            if let Some((at, sent)) = self.ends[from].wire.pop_front() {
                self.arrive(1 - from, sent, at);
            }
        }
    }

    /// Reads what has arrived at that end.
    pub(super) fn read(&mut self, side: Index, buffer: &mut [u8], now: Instant) -> io::Result<usize> {
        let end = &mut self.ends[side];
        if buffer.is_empty() && !end.unread.is_empty() {
            return Ok(0);
        }
        let count = buffer.len().min(end.unread.len());
        if count > 0 {
            for (place, byte) in buffer.iter_mut().zip(end.unread.drain(..count)) {
                *place = byte;
            }
            self.send(side, Sent::Read(count), now);
            return Ok(count);
        }
        match end.error.take_if(|_| end.receiving == Half::Open) {
            Some(error) => Err(error.into()),
            None if end.has_hung_up() => Ok(0),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self, side: Index, parts: &[IoSlice<'_>], now: Instant) -> io::Result<usize> {
        let end = &mut self.ends[side];
        if parts.iter().all(|part| part.is_empty()) {
            return Ok(0);
        }
        if end.has_ended() {
            return Err(end.error.take().unwrap_or(ErrorKind::BrokenPipe).into());
        }
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).take(end.room).collect();
        let count = bytes.len();
        if count > 0 {
            end.room -= count;
            self.send(side, Sent::Bytes(bytes), now);
            return Ok(count);
        }
        Err(ErrorKind::WouldBlock.into())
    }

    /// Whether a write would not wait.
    pub(super) fn is_writable(&self, side: Index) -> bool {
        self.ends[side].room > 0 || self.ends[side].has_ended()
    }

    /// Ends that end's half, behind what it has sent.
    pub(super) fn shutdown(&mut self, side: Index, now: Instant) -> io::Result<()> {
        let end = &mut self.ends[side];
        if end.state == State::Broken {
            return Err(ErrorKind::NotConnected.into());
        }
        if end.sending == Half::Open {
            end.sending = Half::Ended;
            self.send(side, Sent::End, now);
        }
        Ok(())
    }

    /// Resets the connection, for that end too.
    pub(super) fn abort(&mut self, side: Index, now: Instant) {
        let end = &mut self.ends[side];
        end.unread.clear();
        if end.state == State::Connected {
            self.broken(side, ErrorKind::ConnectionReset);
            self.send(side, Sent::Reset, now);
        }
    }

    /// Has [`leave`](Self::leave) reset the connection.
    pub(super) fn reset_when_left(&mut self, side: Index) {
        self.ends[side].resets_when_left = true;
    }

    /// That end is dropped.
    pub(super) fn leave(&mut self, side: Index, now: Instant) {
        let end = &mut self.ends[side];
        let was_connected = end.state == State::Connected;
        let has_lost_input = !end.unread.is_empty();
        end.state = State::Left;
        end.unread.clear();
        if !was_connected {
            return;
        }
        if has_lost_input || end.resets_when_left {
            self.send(side, Sent::Reset, now);
        } else if end.sending == Half::Open {
            end.sending = Half::Ended;
            self.send(side, Sent::End, now);
        }
    }

    /// Whether the other end has hung up, in whichever way.
    pub(super) fn has_hung_up(&self, side: Index) -> bool {
        self.ends[side].has_hung_up()
    }

    pub(super) fn is_broken(&self, side: Index) -> bool {
        self.ends[side].state == State::Broken
    }

    pub(super) fn take_error(&mut self, side: Index) -> Option<ErrorKind> {
        self.ends[side].error.take()
    }

    pub(super) fn unread(&self, side: Index) -> usize {
        self.ends[side].unread.len()
    }

    /// How much that end has sent that has not arrived, the end of its half counted as one.
    pub(super) fn under_way(&self, side: Index) -> usize {
        let count = |sent: &Sent| match sent {
            Sent::Bytes(bytes) => bytes.len(),
            Sent::End => 1,
            Sent::Read(_) | Sent::Reset => 0,
        };
        self.ends[side].wire.iter().map(|(_, sent)| count(sent)).sum()
    }

    pub(super) fn wake_reader(&mut self, side: Index, waker: &Waker) {
        remember(&mut self.ends[side].reader, waker);
    }

    pub(super) fn wake_writer(&mut self, side: Index, waker: &Waker) {
        remember(&mut self.ends[side].writer, waker);
    }

    fn send(&mut self, from: Index, sent: Sent, now: Instant) {
        if self.latency.is_zero() {
            self.arrive(1 - from, sent, now);
        } else {
            self.ends[from].wire.push_back((now + self.latency, sent));
            // Whoever waits has a moment to wait for.
            (0..2).for_each(|side| self.wake_both(side));
        }
    }

    fn arrive(&mut self, side: Index, sent: Sent, now: Instant) {
        let end = &mut self.ends[side];
        match (sent, end.state) {
            (Sent::Bytes(bytes), State::Connected) => {
                end.unread.extend(bytes);
                self.woken.wakers.extend(end.reader.take());
            }
            // Who is not there answers with a reset.
            (Sent::Bytes(_), State::Left) => self.send(side, Sent::Reset, now),
            (Sent::Read(count), _) => {
                end.room += count;
                self.woken.wakers.extend(end.writer.take());
            }
            (Sent::End, State::Connected) => {
                end.receiving = Half::Ended;
                self.wake_both(side);
            }
            (Sent::Reset, State::Connected) => match (end.sending, end.receiving) {
                // It is over already.
                (Half::Ended, Half::Ended) => {}
                (Half::Open, Half::Ended) => self.broken(side, ErrorKind::BrokenPipe),
                (_, Half::Open) => self.broken(side, ErrorKind::ConnectionReset),
            },
            (_, State::Broken | State::Left) => {}
        }
    }

    fn broken(&mut self, side: Index, error: ErrorKind) {
        let end = &mut self.ends[side];
        end.state = State::Broken;
        end.error = Some(error);
        self.wake_both(side);
    }

    fn wake_both(&mut self, side: Index) {
        let end = &mut self.ends[side];
        self.woken.wakers.extend(end.reader.take().into_iter().chain(end.writer.take()));
        self.woken.may_have_hung_up = true;
    }
}

impl End {
    fn new(window: usize) -> Self {
        Self {
            wire: VecDeque::new(),
            unread: VecDeque::new(),
            room: window,
            state: State::Connected,
            sending: Half::Open,
            receiving: Half::Open,
            error: None,
            resets_when_left: false,
            reader: None,
            writer: None,
        }
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.wire.front().map(|(at, _)| *at)
    }

    fn has_ended(&self) -> bool {
        self.sending == Half::Ended || self.state != State::Connected
    }

    fn has_hung_up(&self) -> bool {
        self.receiving == Half::Ended || self.state == State::Broken
    }
}

/// The last waker counts.
fn remember(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(known) => known.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}
