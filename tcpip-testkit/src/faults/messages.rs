//! Messages in place of chunks.

use super::{At, Event, Fault, Gated, Out, lanes::Lanes};

/// A message that is longer is cut there.
const LONGEST: usize = 1024 * 1024;

/// A fault that is told of messages: see [`messages`].
#[derive(Debug)]
pub struct Messages<F> {
    separator: Vec<u8>,
    fault: Gated<F>,
    /// The beginning of a message.
    partial: Lanes<Vec<u8>>,
}

/// Has `fault` work on messages, each of which ends with `separator`: a chunk that it is told of is one message,
/// however the bytes were cut into chunks, and [`times`](Messages::times), [`skip`](Messages::skip) and the like count
/// messages.
///
/// A message waits for its end, so the beginning of one, such as a prompt that no separator follows, comes with the
/// next message, with the end of the stream, or when the fault is removed. One of more than 1 MiB is cut there.
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
    Messages { separator, fault: Gated::new(fault), partial: Lanes::default() }
}

impl<F: Fault> Messages<F> {
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
    pub fn probability(self, p: f64, seed: u64) -> Self {
        Self { fault: self.fault.probability(p, seed), ..self }
    }

    /// Each session is drawn: see [`Fault::of_sessions`].
    ///
    /// # Panics
    ///
    /// If `p` is not between 0 and 1.
    #[must_use]
    pub fn of_sessions(self, p: f64, seed: u64) -> Self {
        Self { fault: self.fault.of_sessions(p, seed), ..self }
    }

    fn chunk(&mut self, bytes: &[u8], mut at: At, out: &mut Out<'_>) {
        let Self { separator, fault, partial } = self;
        let pending = partial.of(at);
        at.position -= pending.len() as u64;
        let mut scanned = pending.len().saturating_sub(separator.len() - 1);
        pending.extend_from_slice(bytes);
        let mut start = 0;
        loop {
            let found = memchr::memmem::find(&pending[scanned..], separator);
            let end = match found {
                Some(offset) => scanned + offset + separator.len(),
                None if pending.len() - start >= LONGEST => start + LONGEST,
                None => break,
            };
            fault.on(Event::Chunk(&pending[start..end]), at, &mut out.within_messages(separator));
            at.position += (end - start) as u64;
            (start, scanned) = (end, end);
        }
        pending.drain(..start);
    }

    /// What has come of a message is passed on as it is.
    fn give_up_partial(&mut self, at: At, out: &mut Out<'_>) {
        let partial = self.partial.take(at);
        if !partial.is_empty() {
            let at = At { position: at.position - partial.len() as u64, ..at };
            self.fault.on(Event::Spared(&partial), at, out);
        }
    }
}

impl<F: Fault> Fault for Messages<F> {
    fn on(&mut self, event: Event<'_>, at: At, out: &mut Out<'_>) {
        match event {
            Event::Chunk(bytes) => return self.chunk(bytes, at, out),
            Event::Removed => {
                self.fault.on(event, at, &mut out.within_messages(&self.separator));
                return out.send(self.partial.take(at));
            }
            Event::Spared(_) | Event::End => self.give_up_partial(at, out),
            Event::Reset | Event::Closed => drop(self.partial.take(at)),
            Event::Open | Event::Timer => {}
        }
        self.fault.on(event, at, &mut out.within_messages(&self.separator));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{
        Item, coalesce, custom, double, drop_bytes, fin, replace, reset,
        stages::bench::{Bench, ms},
        swap, terminator,
    };

    const TEXT: &[u8] = b"one\r\ntwo\r\n\r\nthree\r\nprompt>";

    /// Whatever the chunks, the same comes of it.
    #[track_caller]
    fn comes_to<F: Fault>(fault: impl Fn() -> Messages<F>, expected: &str) {
        let cuts = (0..TEXT.len()).flat_map(|first| (first..TEXT.len()).map(move |second| (first, second)));
        for (first, second) in cuts {
            let mut bench = Bench::with(fault());
            for chunk in [&TEXT[..first], &TEXT[first..second], &TEXT[second..]] {
                if !chunk.is_empty() {
                    bench.chunk(ms(1), chunk);
                }
            }
            bench.end(ms(2));
            let left = String::from_utf8(bench.bytes()).unwrap();
            assert_eq!(left, expected, "cut at {first} and {second}");
        }
    }

    /// Faults work on messages, which are counted inside and outside alike, wherever the bytes were cut.
    #[test]
    fn messages_are_counted_wherever_the_bytes_were_cut() {
        const END: &[u8] = b"\r\n";
        comes_to(|| messages(END, drop_bytes()), "prompt>");
        comes_to(|| messages(END, drop_bytes()).skip(1).times(2), "one\r\nthree\r\nprompt>");
        comes_to(|| messages(END, drop_bytes().skip(1).times(2)), "one\r\nthree\r\nprompt>");
        comes_to(|| messages(END, double()).times(1), "one\r\none\r\ntwo\r\n\r\nthree\r\nprompt>");
        comes_to(|| messages(END, swap()), "two\r\none\r\nthree\r\n\r\nprompt>");
        comes_to(|| messages(END, swap()).times(1), "two\r\none\r\n\r\nthree\r\nprompt>");
        comes_to(|| messages(END, swap()).skip(1).times(1), "one\r\n\r\ntwo\r\nthree\r\nprompt>");
        comes_to(|| messages(END, swap()).skip(3), "one\r\ntwo\r\n\r\nprompt>three\r\n");
        comes_to(|| messages(END, terminator("\r")).skip(1).times(1), "one\r\ntwo\r\r\nthree\r\nprompt>");
        comes_to(|| messages(END, terminator("\n")).times(1), "one\ntwo\r\n\r\nthree\r\nprompt>");
        comes_to(|| messages(END, terminator("")).times(1), "onetwo\r\n\r\nthree\r\nprompt>");
        comes_to(|| messages(END, terminator("\r\n\r\n")).times(1), "one\r\n\r\ntwo\r\n\r\nthree\r\nprompt>");
        comes_to(|| messages(END, replace("e", "E3")), "onE3\r\ntwo\r\n\r\nthrE3E3\r\nprompt>");
        comes_to(|| messages(END, fin()).skip(2), "one\r\ntwo\r\n");
        comes_to(|| messages(END, reset().after(2)).skip(1), "one\r\ntw");
        comes_to(|| messages(END, drop_bytes()).after(6), "one\r\ntprompt>");
    }

    /// A message says where it begins, and several come together when the last of them does.
    #[test]
    fn messages_come_whole_and_say_where_they_begin() {
        let mut bench = Bench::with(messages(
            b"\n",
            custom(|event, at, out| match event {
                Event::Chunk(message) => out.send(format!("{}:{}", at.position, message.escape_ascii())),
                event => out.pass(event),
            }),
        ));
        for chunk in [&b"a\nb"[..], b"b", b"\n\nc"] {
            bench.chunk(0, chunk);
        }
        let chunks = [&b"0:a\\n"[..], b"2:bb\\n", b"5:\\n"];
        assert_eq!(bench.left, chunks.map(|chunk| (0, Item::Chunk(chunk.into()))));

        let mut bench = Bench::with(messages(b"\n", coalesce(2)));
        for chunk in [&b"a\nb"[..], b"b\nc\n", b"d"] {
            bench.chunk(0, chunk);
        }
        bench.end(ms(1));
        let expected = [(0, &b"a\nbb\n"[..]), (ms(1), b"c\n"), (ms(1), b"d")];
        assert_eq!(bench.left[..3], expected.map(|(at, bytes)| (at, Item::Chunk(bytes.into()))));
        assert_eq!(bench.last(), Some(&Item::End));
    }

    /// What a fault keeps goes on when it is removed, in order, and a reset drops it.
    #[test]
    fn what_is_kept_goes_on_when_the_fault_is_removed() {
        let mut bench = Bench::new();
        let id = bench.add(0, messages(b"\n", swap()));
        bench.chunk(ms(1), b"a\nb");
        bench.remove(ms(2), id);
        assert_eq!(bench.bytes(), b"a\nb");

        let mut bench = Bench::with(messages(b"\n", swap()));
        bench.chunk(ms(1), b"a\nb");
        bench.reset(ms(2));
        assert_eq!(bench.left, [(ms(2), Item::Reset)]);
    }
}
