//! The telnet that terminal servers speak.

use super::Filter;
use crate::sync::Lock;

/// Ends a negotiation about an option.
const SE: u8 = 240;
/// Begins one.
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
/// In front of each command.
const IAC: u8 = 255;

/// The telnet of terminal servers (RFC 854), through which many a serial device is reached: a [`Filter`].
///
/// It takes the commands out of what arrives, refuses each option that the peer offers or asks for, and makes one byte
/// of two 255. In what is sent it doubles each 255. As RFC 854 says, a NUL behind a carriage return is nothing; a
/// carriage return that is sent stays alone, since what is behind a terminal server seldom wants a NUL.
///
/// # Examples
///
/// ```
/// use tcpip_core::{ConnectionOptions, Telnet};
///
/// let options = ConnectionOptions::new().filter(Telnet::refuse);
/// # assert_ne!(options, ConnectionOptions::new());
/// ```
#[derive(Debug)]
pub struct Telnet(Lock<State>);

/// | state | what comes | goes on | with |
/// |---|---|---|---|
/// | `Data`, `Return` | IAC | `Command` | |
/// | `Data`, `Return` | a carriage return | `Return` | data |
/// | `Return` | NUL | `Data` | |
/// | `Data`, `Return` | another byte | `Data` | data |
/// | `Command` | IAC | `Data` | data |
/// | `Command` | WILL, WONT, DO, DONT | `Option` | |
/// | `Command` | SB | `Negotiation` | |
/// | `Command` | another command | `Data` | |
/// | `Option` | any byte | `Data` | the refusal of what was offered or asked for |
/// | `Negotiation` | IAC | `NegotiationCommand` | |
/// | `NegotiationCommand` | SE | `Data` | |
/// | `NegotiationCommand` | another byte | `Negotiation` | |
#[derive(Clone, Copy, Debug)]
enum State {
    Data,
    Return,
    Command,
    Option(u8),
    Negotiation,
    NegotiationCommand,
}

impl Telnet {
    /// Returns one that refuses every option.
    #[must_use]
    pub fn refuse() -> Self {
        Self(Lock::new(State::Data))
    }
}

impl Filter for Telnet {
    fn received(&self, chunk: &[u8], input: &mut Vec<u8>, answer: &mut Vec<u8>) {
        let mut state = self.0.lock();
        for &byte in chunk {
            *state = match (*state, byte) {
                (State::Data | State::Return, IAC) => State::Command,
                (State::Return, 0) => State::Data,
                (State::Data | State::Return, b'\r') => {
                    input.push(byte);
                    State::Return
                }
                (State::Data | State::Return, _) | (State::Command, IAC) => {
                    input.push(byte);
                    State::Data
                }
                (State::Command, WILL | WONT | DO | DONT) => State::Option(byte),
                (State::Command, SB) | (State::NegotiationCommand, 0..SE | 241..) => State::Negotiation,
                (State::Command, _) | (State::NegotiationCommand, SE) => State::Data,
                (State::Option(command), option) => {
                    match command {
                        WILL => answer.extend([IAC, DONT, option]),
                        DO => answer.extend([IAC, WONT, option]),
                        // An option that is off already.
                        _ => {}
                    }
                    State::Data
                }
                (State::Negotiation, IAC) => State::NegotiationCommand,
                (State::Negotiation, _) => State::Negotiation,
            };
        }
    }

    fn sent(&self, message: &[u8], output: &mut Vec<u8>) {
        for &byte in message {
            output.push(byte);
            if byte == IAC {
                output.push(IAC);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read and what is answered, of a stream that comes in those pieces.
    fn received<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>) {
        let (telnet, mut input, mut answer) = (Telnet::refuse(), Vec::new(), Vec::new());
        for chunk in chunks {
            telnet.received(chunk, &mut input, &mut answer);
        }
        (input, answer)
    }

    #[test]
    fn commands_are_taken_out_and_options_refused() {
        for (stream, input, answer) in [
            (&b"a\xff\xffb"[..], &b"a\xffb"[..], &b""[..]),
            // A login of a terminal server: WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO TERMINAL-TYPE.
            (b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18>", b">", b"\xff\xfe\x01\xff\xfe\x03\xff\xfc\x18"),
            (b"a\xff\xfc\x01b\xff\xfe\x03c", b"abc", b""),
            (b"a\xff\xf1b\xff\xf6c\xff\xf9d", b"abcd", b""),
            (b"a\xff\xfa\x18\x01\xff\xff\x02\xff\xf0b", b"ab", b""),
            (b"a\r\0b\r\nc\0", b"a\rb\r\nc\0", b""),
            (b"\r\xff\xf1\0", b"\r\0", b""),
        ] {
            assert_eq!(received([stream]), (input.to_vec(), answer.to_vec()), "{stream:x?}");
            assert_eq!(received(stream.chunks(1)), (input.to_vec(), answer.to_vec()), "{stream:x?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However it is cut, the same is read and answered; what is sent is read again.
        #[test]
        fn pieces_do_not_matter(
            stream in prop::collection::vec(
                prop::sample::select(&b"\xff\xff\xff\xfa\xfb\xfc\xfd\xfe\xf0\xf1\r\n\0\x01ab"[..]),
                0..40,
            ),
            cut in 1_usize..7,
        ) {
            prop_assert_eq!(received(stream.chunks(cut)), received([&stream[..]]));
            let mut output = Vec::new();
            Telnet::refuse().sent(&stream, &mut output);
            let read: Vec<u8> = received([&output[..]]).0;
            let nuls_behind_returns = |index: &usize| *index > 0 && stream[*index] == 0 && stream[index - 1] == b'\r';
            let kept = (0..stream.len()).filter(|index| !nuls_behind_returns(index)).map(|index| stream[index]);
            prop_assert_eq!(read, kept.collect::<Vec<_>>());
        }
    }
}
