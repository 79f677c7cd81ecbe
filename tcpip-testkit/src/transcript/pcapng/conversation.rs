//! The packets of one session: what TCP would have made of it on a line that loses nothing.

use std::net::Ipv4Addr;

use super::packet::{ACK, FIN, PSH, Packet, RST, SEGMENT, SYN};
use crate::side::Side;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
}

/// Each packet is acknowledged when it has come, and those of one chunk together.
pub(super) struct Conversation {
    client: Sender,
    server: Sender,
    is_reset: bool,
    packets: Vec<Vec<u8>>,
}

/// What one end has sent.
struct Sender {
    end: End,
    /// The sequence number of what it sends next.
    next: u32,
    has_ended: bool,
    packets: u16,
}

impl Conversation {
    pub(super) fn new(client: End, server: End, first: (u32, u32)) -> Self {
        let sender = |end, next| Sender { end, next, has_ended: false, packets: 0 };
        Self { client: sender(client, first.0), server: sender(server, first.1), is_reset: false, packets: Vec::new() }
    }

    /// Returns the packets since the last time.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.packets)
    }

    /// The client connects.
    pub(super) fn open(&mut self) {
        self.send(Side::Client, SYN, &[]);
        self.send(Side::Server, SYN | ACK, &[]);
        self.send(Side::Client, ACK, &[]);
    }

    pub(super) fn bytes(&mut self, by: Side, bytes: &[u8]) {
        if self.has_ended(by) || bytes.is_empty() {
            return;
        }
        let mut segments = bytes.chunks(SEGMENT).peekable();
        while let Some(segment) = segments.next() {
            let flags = if segments.peek().is_none() { ACK | PSH } else { ACK };
            self.send(by, flags, segment);
        }
        self.send(by.other(), ACK, &[]);
    }

    /// One end ends what it sends. That it closes then is not seen.
    pub(super) fn fin(&mut self, by: Side) {
        if !self.has_ended(by) {
            self.send(by, FIN | ACK, &[]);
            self.ends(by).0.has_ended = true;
            self.send(by.other(), ACK, &[]);
        }
    }

    pub(super) fn reset(&mut self, by: Side) {
        if !self.is_reset {
            self.send(by, RST | ACK, &[]);
            self.is_reset = true;
        }
    }

    fn has_ended(&mut self, by: Side) -> bool {
        self.is_reset || self.ends(by).0.has_ended
    }

    fn send(&mut self, by: Side, flags: u8, data: &[u8]) {
        let (source, destination) = self.ends(by);
        let packet = Packet {
            identification: source.packets,
            source: source.end,
            destination: destination.end,
            sequence: source.next,
            acknowledgement: if flags & ACK == 0 { 0 } else { destination.next },
            flags,
            data,
        };
        let length = u32::try_from(data.len()).expect("a segment has at most 1460 bytes");
        // Either flag takes a sequence number.
        source.next = source.next.wrapping_add(length + u32::from(flags & (SYN | FIN) != 0));
        source.packets = source.packets.wrapping_add(1);
        self.packets.push(packet.into_bytes());
    }

    /// That side, and the other.
    fn ends(&mut self, by: Side) -> (&mut Sender, &mut Sender) {
        match by {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }
}
