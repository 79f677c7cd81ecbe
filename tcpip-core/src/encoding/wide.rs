//! UTF-16 and UTF-32, whose units are of two and four bytes.

/// The order of the bytes in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// This machine's order, which a message without a byte-order mark has.
    pub(super) const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };

    fn unit16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn unit32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    fn bytes16(self, unit: u16) -> [u8; 2] {
        match self {
            Self::Little => unit.to_le_bytes(),
            Self::Big => unit.to_be_bytes(),
        }
    }

    fn bytes32(self, unit: u32) -> [u8; 4] {
        match self {
            Self::Little => unit.to_le_bytes(),
            Self::Big => unit.to_be_bytes(),
        }
    }
}

/// The byte-order mark, a character that says nothing else where it comes first.
pub(super) const MARK: char = '\u{feff}';

pub(super) fn encode_utf16(characters: impl Iterator<Item = char>, order: Order) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in characters {
        for unit in character.encode_utf16(&mut [0; 2]) {
            bytes.extend(order.bytes16(*unit));
        }
    }
    bytes
}

pub(super) fn encode_utf32(characters: impl Iterator<Item = char>, order: Order) -> Vec<u8> {
    characters.flat_map(|character| order.bytes32(character.into())).collect()
}

/// `None` if there is half a unit at the end, or half a pair anywhere.
pub(super) fn decode_utf16(bytes: &[u8], order: Order) -> Option<String> {
    let (units, rest) = bytes.as_chunks();
    let units = units.iter().map(|unit| order.unit16(*unit));
    if rest.is_empty() { char::decode_utf16(units).collect::<Result<_, _>>().ok() } else { None }
}

/// `None` if there is part of a unit at the end, or a unit that is no character.
pub(super) fn decode_utf32(bytes: &[u8], order: Order) -> Option<String> {
    let (units, rest) = bytes.as_chunks();
    let characters = units.iter().map(|unit| char::from_u32(order.unit32(*unit)));
    if rest.is_empty() { characters.collect() } else { None }
}

/// The order that a byte-order mark tells, and the bytes behind it; without one, native order and all bytes.
pub(super) fn by_mark(bytes: &[u8], encode: impl Fn(Order) -> Vec<u8>) -> (Order, &[u8]) {
    [Order::Little, Order::Big]
        .into_iter()
        .find_map(|order| bytes.strip_prefix(&*encode(order)).map(|rest| (order, rest)))
        .unwrap_or((Order::NATIVE, bytes))
}
