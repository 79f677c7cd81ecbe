//! Reads a capture back, knowing nothing of what has written it: by the documents of pcapng, IP and TCP.

use std::net::Ipv4Addr;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// What a capture says of one connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) ports: (u16, u16),
    pub(super) client: Half,
    pub(super) server: Half,
    pub(super) is_reset: bool,
    /// When each packet with data passed, in nanoseconds.
    pub(super) times: Vec<u64>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) bytes: Vec<u8>,
    pub(super) has_ended: bool,
    pub(super) first: u32,
    next: u32,
    acknowledged: u32,
}

/// The connections of a capture, in the order of their first packets. Panics at whatever is wrong.
pub(super) fn streams(capture: &[u8]) -> Vec<Stream> {
    let mut streams: Vec<((Ipv4Addr, Ipv4Addr), Stream)> = Vec::new();
    let mut before = 0;
    for (at, packet) in packets(capture) {
        assert!(before <= at, "packets are in the order of time");
        before = at;
        let Segment { addresses, ports, sequence, acknowledgement, flags, data } = segment(packet);
        let is_of = |((client, server), stream): &((Ipv4Addr, Ipv4Addr), Stream)| {
            if (addresses, ports) == ((*client, *server), stream.ports) {
                Some(true)
            } else {
                ((addresses.1, addresses.0), (ports.1, ports.0))
                    .eq(&((*client, *server), stream.ports))
                    .then_some(false)
            }
        };
        if flags == SYN {
            assert!(streams.iter().all(|stream| is_of(stream).is_none()), "a connection is used twice");
            let client = Half { first: sequence, next: sequence, ..Half::default() };
            streams.push((addresses, Stream { ports, client, ..Stream::default() }));
        }
        let (by_client, stream) = streams
            .iter_mut()
            .find_map(|stream| is_of(stream).map(|by_client| (by_client, &mut stream.1)))
            .expect("a connection begins with SYN");
        assert!(!stream.is_reset, "nothing comes behind a reset");
        let Stream { client, server, .. } = stream;
        let (from, to) = if by_client { (client, server) } else { (server, client) };
        if flags == SYN | ACK {
            (from.first, from.next) = (sequence, sequence);
        }
        assert_eq!(sequence, from.next, "nothing is missing, and nothing twice");
        if flags & ACK != 0 {
            assert_eq!(acknowledgement, to.next, "all is acknowledged that has come");
            to.acknowledged = acknowledgement;
        }
        assert!(!from.has_ended || data.is_empty() && flags & FIN == 0, "nothing comes behind a FIN");
        from.bytes.extend(data);
        from.has_ended |= flags & FIN != 0;
        let length = data.len() + usize::from(flags & (SYN | FIN) != 0);
        from.next = from.next.wrapping_add(u32::try_from(length).unwrap());
        stream.is_reset |= flags & RST != 0;
        if !data.is_empty() {
            stream.times.push(at);
        }
    }
    for (_, stream) in &streams {
        let Stream { client, server, is_reset, .. } = stream;
        assert!(*is_reset || client.acknowledged == client.next && server.acknowledged == server.next);
    }
    streams.into_iter().map(|(_, stream)| stream).collect()
}

/// The packets of a file with one section, and their times.
fn packets(capture: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let u32_at = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut blocks = Vec::new();
    let mut rest = capture;
    while !rest.is_empty() {
        let length = usize::try_from(u32_at(rest, 4)).unwrap();
        assert!(length.is_multiple_of(4));
        assert_eq!(u32_at(rest, 4), u32_at(rest, length - 4), "a block says its length twice");
        blocks.push((u32_at(rest, 0), &rest[8..length - 4]));
        rest = &rest[length..];
    }
    assert_eq!(blocks[0], (0x0a0d_0d0a, &b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"[..]));
    // LINKTYPE_RAW, no limit, and times in nanoseconds.
    assert_eq!(blocks[1], (1, &b"\x65\0\0\0\0\0\0\0\x09\0\x01\0\x09\0\0\0\0\0\0\0"[..]));
    blocks.into_iter().skip(2).map(move |(kind, body)| {
        assert_eq!((kind, u32_at(body, 0)), (6, 0));
        let length = usize::try_from(u32_at(body, 12)).unwrap();
        assert_eq!(u32_at(body, 12), u32_at(body, 16));
        assert!(body.len() - 20 - length < 4);
        (u64::from(u32_at(body, 4)) << 32 | u64::from(u32_at(body, 8)), &body[20..20 + length])
    })
}

struct Segment<'a> {
    addresses: (Ipv4Addr, Ipv4Addr),
    ports: (u16, u16),
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    data: &'a [u8],
}

fn segment(packet: &[u8]) -> Segment<'_> {
    let u16_at = |bytes: &[u8], at: usize| u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap());
    let u32_at = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let address_at = |at: usize| Ipv4Addr::from(u32_at(packet, at));
    assert!(packet.len() <= 1500);
    assert_eq!((packet[0], packet[9]), (0x45, 6));
    assert_eq!(usize::from(u16_at(packet, 2)), packet.len());
    assert_adds_up(&packet[..20]);
    let segment = &packet[20..];
    let length = u16::try_from(segment.len()).unwrap();
    assert_adds_up(&[&packet[12..20], &[0, 6], &length.to_be_bytes(), segment].concat());
    Segment {
        addresses: (address_at(12), address_at(16)),
        ports: (u16_at(segment, 0), u16_at(segment, 2)),
        sequence: u32_at(segment, 4),
        acknowledgement: u32_at(segment, 8),
        flags: segment[13] & (FIN | SYN | RST | ACK),
        data: &segment[usize::from(segment[12] >> 4) * 4..],
    }
}

/// With its checksum, the sum of all words is all ones.
fn assert_adds_up(bytes: &[u8]) {
    let mut sum = 0_u16;
    for word in bytes.chunks(2) {
        let (added, carries) = sum.overflowing_add(u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]));
        sum = added + u16::from(carries);
    }
    assert_eq!(sum, 0xffff);
}
