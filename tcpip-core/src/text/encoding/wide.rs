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

/// The text, or where the first unit is that is half a pair, or half a unit.
pub(super) fn decode_utf16(bytes: &[u8], order: Order) -> Result<String, usize> {
    let (units, rest) = bytes.as_chunks();
    let mut text = String::new();
    let mut position = 0;
    for character in char::decode_utf16(units.iter().map(|unit| order.unit16(*unit))) {
        let character = character.map_err(|_| position)?;
        position += 2 * character.len_utf16();
        text.push(character);
    }
    if rest.is_empty() { Ok(text) } else { Err(position) }
}

/// The text, or where the first unit is that is no character, or part of a unit.
pub(super) fn decode_utf32(bytes: &[u8], order: Order) -> Result<String, usize> {
    let (units, rest) = bytes.as_chunks();
    let strict = |(index, unit): (usize, &[u8; 4])| char::from_u32(order.unit32(*unit)).ok_or(4 * index);
    let text = units.iter().enumerate().map(strict).collect::<Result<_, _>>()?;
    if rest.is_empty() { Ok(text) } else { Err(bytes.len() - rest.len()) }
}

/// Decodes what follows a byte-order mark in the order that it tells; without one, all of it in native order.
pub(super) fn decode_marked(
    bytes: &[u8],
    encode: impl Fn(std::iter::Once<char>, Order) -> Vec<u8>,
    decode: impl Fn(&[u8], Order) -> Result<String, usize>,
) -> Result<String, usize> {
    let (order, unmarked) = [Order::Little, Order::Big]
        .into_iter()
        .find_map(|order| bytes.strip_prefix(&*encode(std::iter::once(MARK), order)).map(|rest| (order, rest)))
        .unwrap_or((Order::NATIVE, bytes));
    decode(unmarked, order).map_err(|position| bytes.len() - unmarked.len() + position)
}
