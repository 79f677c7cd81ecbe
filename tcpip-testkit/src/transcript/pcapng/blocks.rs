//! The blocks of a file in the format pcapng.

use std::time::Duration;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Packets begin with the header of IP.
const LINKTYPE_RAW: u16 = 101;
/// The option that is a text for people.
const OPT_COMMENT: u16 = 1;
/// The option that says what the unit of time is, and nanoseconds as its value: ten to the power of minus so much.
const IF_TSRESOL: u16 = 9;
const NANOSECONDS: u8 = 9;
const END_OF_OPTIONS: [u8; 4] = [0; 4];

/// A file with one section and one interface.
#[derive(Debug)]
pub(super) struct Capture(Vec<u8>);

impl Capture {
    /// With a comment, unless it is empty.
    pub(super) fn new(comment: &str) -> Self {
        let mut capture = Self(Vec::new());
        let mut section = Vec::new();
        section.extend(BYTE_ORDER.to_le_bytes());
        // The version.
        section.extend(1_u16.to_le_bytes());
        section.extend(0_u16.to_le_bytes());
        // How long the section is, which nobody says.
        section.extend((-1_i64).to_le_bytes());
        if !comment.is_empty() {
            section.extend(OPT_COMMENT.to_le_bytes());
            section.extend(u16::try_from(comment.len()).expect("a comment is a line").to_le_bytes());
            section.extend(comment.as_bytes());
            section.resize(section.len().next_multiple_of(4), 0);
            section.extend(END_OF_OPTIONS);
        }
        capture.block(SECTION_HEADER, &section);
        let mut interface = Vec::new();
        interface.extend(LINKTYPE_RAW.to_le_bytes());
        interface.extend(0_u16.to_le_bytes());
        // No packet is cut short.
        interface.extend(0_u32.to_le_bytes());
        interface.extend(IF_TSRESOL.to_le_bytes());
        interface.extend(1_u16.to_le_bytes());
        interface.extend([NANOSECONDS, 0, 0, 0]);
        interface.extend(END_OF_OPTIONS);
        capture.block(INTERFACE_DESCRIPTION, &interface);
        capture
    }

    pub(super) fn packet(&mut self, at: Duration, packet: &[u8]) {
        let nanoseconds = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX).to_le_bytes();
        let length = length(packet).to_le_bytes();
        let mut body = Vec::with_capacity(20 + packet.len());
        // The interface.
        body.extend(0_u32.to_le_bytes());
        // The more significant half comes first.
        body.extend(&nanoseconds[4..]);
        body.extend(&nanoseconds[..4]);
        // How much is kept, and how much there was.
        body.extend(length);
        body.extend(length);
        body.extend(packet);
        self.block(ENHANCED_PACKET, &body);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A block: its length stands at both ends.
    fn block(&mut self, kind: u32, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = (length(body) + 12 + u32::try_from(padding).expect("at most 3")).to_le_bytes();
        self.0.extend(kind.to_le_bytes());
        self.0.extend(length);
        self.0.extend(body);
        self.0.extend(&[0; 3][..padding]);
        self.0.extend(length);
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a packet has at most 1500 bytes")
}
