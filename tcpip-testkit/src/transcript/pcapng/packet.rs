//! One packet: the header of IP, the header of TCP, and data.

use super::conversation::End;

/// The most data in a packet, so that it has no more than 1500 bytes.
pub(super) const SEGMENT: usize = 1460;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// What a side takes without an acknowledgement: so much times two to the power of the scale, a gigabyte. Nobody is
/// held up, since what has passed has passed.
const WINDOW: u16 = u16::MAX;
const WINDOW_SCALE: u8 = 14;

const IP_HEADER: usize = 20;
const TCP: u8 = 6;
const TIME_TO_LIVE: u8 = 64;
const DO_NOT_FRAGMENT: [u8; 2] = [0x40, 0];

/// A packet of TCP.
pub(super) struct Packet<'a> {
    pub(super) identification: u16,
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) data: &'a [u8],
}

impl Packet<'_> {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let segment = self.segment();
        let total = u16::try_from(IP_HEADER + segment.len()).expect("a packet has at most 1500 bytes");
        let mut bytes = Vec::with_capacity(usize::from(total));
        // Version 4, five words of header, no class of service.
        bytes.extend([0x45, 0]);
        bytes.extend(total.to_be_bytes());
        bytes.extend(self.identification.to_be_bytes());
        bytes.extend(DO_NOT_FRAGMENT);
        bytes.extend([TIME_TO_LIVE, TCP, 0, 0]);
        bytes.extend(self.source.address.octets());
        bytes.extend(self.destination.address.octets());
        put_checksum(&mut bytes, 10, 0);
        bytes.extend(segment);
        bytes
    }

    fn segment(&self) -> Vec<u8> {
        let options: &[u8] = if self.flags & SYN == 0 {
            &[]
        } else {
            let [high, low] = u16::try_from(SEGMENT).expect("it is 1460").to_be_bytes();
            // The largest segment, padding, the scale of the window.
            &[2, 4, high, low, 1, 3, 3, WINDOW_SCALE]
        };
        let header = 20 + options.len();
        let mut segment = Vec::with_capacity(header + self.data.len());
        segment.extend(self.source.port.to_be_bytes());
        segment.extend(self.destination.port.to_be_bytes());
        segment.extend(self.sequence.to_be_bytes());
        segment.extend(self.acknowledgement.to_be_bytes());
        segment.extend([u8::try_from(header / 4).expect("a header has at most 60 bytes") << 4, self.flags]);
        segment.extend(WINDOW.to_be_bytes());
        // The checksum, and a pointer to urgent data.
        segment.extend([0; 4]);
        segment.extend(options);
        segment.extend(self.data);
        let addresses = sum(&self.source.address.octets()) + sum(&self.destination.address.octets());
        let length = u32::try_from(segment.len()).expect("a packet has at most 1500 bytes");
        put_checksum(&mut segment, 16, addresses + u32::from(TCP) + length);
        segment
    }
}

/// Puts the checksum of these bytes, and of what else is summed, at an offset where there are zeros.
fn put_checksum(bytes: &mut [u8], offset: usize, other: u32) {
    let mut sum = sum(bytes) + other;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).expect("it has been folded");
    bytes[offset..offset + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// The sum of 16-bit words, the last filled up with a zero.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0))).sum()
}
