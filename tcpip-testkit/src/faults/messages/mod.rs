//! Messages in place of chunks.

mod end;

use self::end::{Begun, MessageEnd};
use super::{At, Event, Fault, Gated, Out, lanes::Lanes};

/// A fault that is told of messages: see [`messages`] and [`frames`].
#[derive(Debug)]
pub struct Messages<F> {
    end: MessageEnd,
    prompt: Vec<u8>,
    fault: Gated<F>,
    /// The beginning of a message.
    begun: Lanes<Begun>,
}

/// Has `fault` work on messages, each of which ends with `separator`: a chunk that it is told of is one message,
/// however the bytes were cut into chunks, and [`times`](Messages::times), [`skip`](Messages::skip) and the like count
/// messages.
///
/// A message waits for its end, so the beginning of one comes with the rest, with the end of the stream, or when the
/// fault is removed. One of more than 1 MiB is cut there. A prompt that no separator follows would wait for the next
/// message, for which the other end waits in vain until it has the prompt: [`prompt`](Messages::prompt) says what it
/// is.
///
/// Where messages end with no separator, [`frames`] is told how long they are.
///
/// # Panics
///
/// If `separator` is empty.
///
/// # Examples
///
/// The second line ends with a carriage return alone:
///
/// ```
/// use tcpip_testkit::faults;
///
/// let bad = faults::messages(b"\r\n", faults::terminator(b"\r")).skip(1).times(1);
/// # let _: &dyn faults::Fault = &bad;
/// ```
#[must_use]
#[track_caller]
pub fn messages<F: Fault>(separator: impl AsRef<[u8]>, fault: F) -> Messages<F> {
    let separator = separator.as_ref().to_vec();
    assert!(!separator.is_empty(), "a separator has at least one byte");
    Messages::new(MessageEnd::Separator(separator), fault)
}

/// Has `fault` work on frames, whose beginning tells their length: the same as [`messages`] for what ends with no
/// separator.
///
/// `length` is given what has come of a frame, from its first byte on: at least one byte, and what is behind the frame
/// as well if that has come with it. It returns how many bytes the frame has, its header included, or `None` as long as
/// that cannot be told: then it is asked again when more has come. It is asked about the frames of all sessions and
/// directions.
///
/// The first frame begins where the fault does: install it while nothing is under way. As with `messages`, the
/// beginning of a frame waits for its end, and comes as it is with the end of the stream or when the fault is removed.
/// A frame of more than 1 MiB comes in pieces of 1 MiB, each of which counts as a frame; the next one begins where
/// `length` has said. What has no length after 1 MiB is cut there.
///
/// # Panics
///
/// If `length` returns 0. As with each panic of a fault, the session ends, and both of its peers find it reset.
///
/// # Examples
///
/// The second frame is missing, of a device whose frames begin with a mark and the length of what follows:
///
/// ```
/// use tcpip_testkit::faults;
///
/// let length = |bytes: &[u8]| Some(2 + usize::from(*bytes.get(1)?));
/// let lossy = faults::frames(length, faults::drop_bytes()).skip(1).times(1);
/// # let _: &dyn faults::Fault = &lossy;
/// ```
#[must_use]
#[track_caller]
pub fn frames<F: Fault>(length: impl Fn(&[u8]) -> Option<usize> + Send + 'static, fault: F) -> Messages<F> {
    Messages::new(MessageEnd::length(length), fault)
}

impl<F: Fault> Messages<F> {
    fn new(end: MessageEnd, fault: F) -> Self {
        Self { end, prompt: Vec::new(), fault: Gated::new(fault), begun: Lanes::default() }
    }

    /// What stands before messages and is of none, such as a device's `>` that no line end follows: it does not wait
    /// for what is behind it, but for what is before it. It may come before a message as often as it likes. Default:
    /// there is none.
    ///
    /// No fault within has it, and [`after`](Self::after) does not count it: a link that is to be silent, or to end,
    /// has its fault outside of `messages`.
    ///
    /// # Examples
    ///
    /// A dome answers with a line and a prompt. Its second reply ends with a carriage return alone, and each prompt is
    /// there as soon as the device sends it:
    ///
    /// ```
    /// use tcpip_testkit::faults;
    ///
    /// let bad = faults::messages(b"\n", faults::terminator(b"\r")).prompt(b">").skip(1).times(1);
    /// # let _: &dyn faults::Fault = &bad;
    /// ```
    #[must_use]
    pub fn prompt(self, prompt: impl AsRef<[u8]>) -> Self {
        Self { prompt: prompt.as_ref().to_vec(), ..self }
    }

    /// The fault has the first `count` messages: see [`Fault::times`].
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self { fault: self.fault.times(count), ..self }
    }

    /// The first `count` messages are spared: see [`Fault::skip`].
    #[must_use]
    pub fn skip(self, count: u64) -> Self {
        Self { fault: self.fault.skip(count), ..self }
    }

    /// The first `bytes` are spared: see [`Fault::after`].
    #[must_use]
    pub fn after(self, bytes: u64) -> Self {
        Self { fault: self.fault.after(bytes), ..self }
    }

    /// Each message is drawn: see [`Fault::probability`].
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn probability(self, p: f64, seed: u64) -> Self {
        Self { fault: self.fault.probability(p, seed), ..self }
    }

    /// Each session is drawn: see [`Fault::of_sessions`].
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    #[track_caller]
    pub fn of_sessions(self, p: f64, seed: u64) -> Self {
        Self { fault: self.fault.of_sessions(p, seed), ..self }
    }

    fn chunk(&mut self, bytes: &[u8], mut at: At, out: &mut Out<'_>) {
        let begun = self.begun.of(at);
        at.position -= begun.add(bytes);
        loop {
            if begun.take_prompt(&self.prompt) {
                out.send(&self.prompt);
                at.position += self.prompt.len() as u64;
            } else if begun.may_be_prompt(&self.prompt) {
                break;
            } else if let Some(message) = begun.next(&self.end) {
                self.fault.on(Event::Chunk(message), at, &mut out.within_messages(self.end.separator()));
                at.position += message.len() as u64;
            } else {
                break;
            }
        }
        begun.forget_taken();
    }

    /// What has come of a message is passed on as it is.
    fn give_up_begun(&mut self, at: At, out: &mut Out<'_>) {
        let begun = self.begun.take(at).into_bytes();
        if !begun.is_empty() {
            let at = At { position: at.position - begun.len() as u64, ..at };
            self.fault.on(Event::Spared(&begun), at, out);
        }
    }
}

impl<F: Fault> Fault for Messages<F> {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => return self.chunk(bytes, at, out),
            Event::Removed => {
                self.fault.on(event, at, &mut out.within_messages(self.end.separator()));
                return out.send(self.begun.take(at).into_bytes());
            }
            Event::Spared(_) | Event::End => self.give_up_begun(at, out),
            Event::Reset | Event::Closed => drop(self.begun.take(at)),
            Event::Open | Event::Timer => {}
        }
        self.fault.on(event, at, &mut out.within_messages(self.end.separator()));
    }
}

#[cfg(test)]
mod tests;
