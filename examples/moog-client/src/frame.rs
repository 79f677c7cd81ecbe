//! What a controller sends, taken from the stream frame by frame.

use std::{io, marker::PhantomData};

use moog_protocol::{CommandStatus, Header, frame_id};
use tcpip_client::{BytesMut, Decoder};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A structure that a frame may have as its body: any plain zerocopy type.
pub trait Body: FromBytes + Immutable + KnownLayout + Clone + Send + Sync + 'static {}

impl<T: FromBytes + Immutable + KnownLayout + Clone + Send + Sync + 'static> Body for T {}

/// A header with what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame<C, T> {
    Status {
        counter: u32,
        status: CommandStatus,
    },
    Config(C),
    Telemetry(T),
    /// Nobody knows how long it is: what has arrived behind it is gone, at most as much as the largest body.
    Unknown {
        frame_id: u32,
        discarded: usize,
    },
}

/// Takes frames with these bodies. It keeps nothing between calls.
#[derive(Debug)]
pub(crate) struct FrameDecoder<C, T>(PhantomData<fn() -> (C, T)>);

impl<C: Body, T: Body> FrameDecoder<C, T> {
    const LARGEST_BODY: usize = {
        let (config, telemetry) = (size_of::<C>(), size_of::<T>());
        let own = if config > telemetry { config } else { telemetry };
        if size_of::<CommandStatus>() > own { size_of::<CommandStatus>() } else { own }
    };

    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Body, T: Body> Decoder for FrameDecoder<C, T> {
    type Item = Frame<C, T>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame<C, T>>> {
        let Ok((header, rest)) = Header::read_from_prefix(buffer) else {
            return Ok(None);
        };
        let (frame, body) = match header.frame_id.get() {
            frame_id::COMMAND_STATUS => {
                let counter = header.counter.get();
                (read(rest, |status| Frame::Status { counter, status }), size_of::<CommandStatus>())
            }
            frame_id::TELEMETRY => (read(rest, Frame::Telemetry), size_of::<T>()),
            frame_id::CONFIG => (read(rest, Frame::Config), size_of::<C>()),
            frame_id => {
                let discarded = rest.len().min(Self::LARGEST_BODY);
                (Some(Frame::Unknown { frame_id, discarded }), discarded)
            }
        };
        if frame.is_some() {
            let _ = buffer.split_to(size_of::<Header>() + body);
        }
        Ok(frame)
    }
}

/// What `bytes` begin with, if all of it is there.
fn read<B: Body, F>(bytes: &[u8], frame: impl FnOnce(B) -> F) -> Option<F> {
    B::read_from_prefix(bytes).ok().map(|(body, _)| frame(body))
}

#[cfg(test)]
mod tests {
    use moog_protocol::{ControllerState, SimpleConfig, SimpleTelemetry};
    use zerocopy::IntoBytes;

    use super::*;

    type Simple = FrameDecoder<SimpleConfig, SimpleTelemetry>;

    fn header(frame_id: u32, counter: u32) -> Header {
        Header { frame_id: frame_id.into(), counter: counter.into(), tai_sec: 1.into(), tai_nsec: 2.into() }
    }

    fn telemetry(position: f64) -> SimpleTelemetry {
        SimpleTelemetry {
            application_status: 0x400.into(),
            state: ControllerState::Enabled.number().into(),
            enabled_substate: 0.0.into(),
            curr_position: position.into(),
            cmd_position: 0.0.into(),
        }
    }

    /// Everything that can be taken from what has arrived.
    fn decode_all(buffer: &mut BytesMut) -> Vec<Frame<SimpleConfig, SimpleTelemetry>> {
        std::iter::from_fn(|| Simple::new().decode(buffer).unwrap()).collect()
    }

    /// Frames cut at every boundary are the frames of the uncut stream.
    #[test]
    fn frames_may_be_cut_anywhere() {
        let status = CommandStatus::refused("because");
        let config = SimpleConfig::read_from_bytes(&[1; 25]).unwrap();
        let bytes = [
            header(frame_id::CONFIG, 0).as_bytes(),
            config.as_bytes(),
            header(frame_id::TELEMETRY, 0).as_bytes(),
            telemetry(1.5).as_bytes(),
            header(frame_id::COMMAND_STATUS, 7).as_bytes(),
            status.as_bytes(),
        ]
        .concat();
        let expected = [Frame::Config(config), Frame::Telemetry(telemetry(1.5)), Frame::Status { counter: 7, status }];
        for cut in 0..=bytes.len() {
            let mut buffer = BytesMut::from(&bytes[..cut]);
            let mut frames = decode_all(&mut buffer);
            buffer.extend_from_slice(&bytes[cut..]);
            frames.extend(decode_all(&mut buffer));
            assert_eq!(frames, expected, "cut at {cut}");
            assert!(buffer.is_empty());
        }
    }

    /// Behind an unknown header goes what has arrived, at most the largest body, and the next header is found.
    #[test]
    fn an_unknown_frame_takes_what_has_arrived() {
        for (behind, discarded) in [(0, 0), (10, 10), (62, 62)] {
            let mut buffer = BytesMut::from(header(9, 0).as_bytes());
            buffer.extend_from_slice(&vec![0xff; behind]);
            assert_eq!(decode_all(&mut buffer), [Frame::Unknown { frame_id: 9, discarded }]);
            assert!(buffer.is_empty());
        }
        let mut buffer = BytesMut::from(header(9, 0).as_bytes());
        buffer.extend_from_slice(&[0xff; 62]);
        buffer.extend_from_slice(header(frame_id::TELEMETRY, 0).as_bytes());
        buffer.extend_from_slice(telemetry(2.5).as_bytes());
        let expected = [Frame::Unknown { frame_id: 9, discarded: 62 }, Frame::Telemetry(telemetry(2.5))];
        assert_eq!(decode_all(&mut buffer), expected);
    }
}
