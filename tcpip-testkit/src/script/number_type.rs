//! Binary numbers.

use std::fmt;

/// How a number is written in bytes: `u8`, `i32le`, `f64be`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberType {
    class: Class,
    bytes: usize,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unsigned,
    Signed,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl NumberType {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let class = match name.chars().next()? {
            'u' => Class::Unsigned,
            'i' => Class::Signed,
            'f' => Class::Float,
            _ => return None,
        };
        let (bytes, order) = match &name[1..] {
            "8" => (1, Order::Big),
            "16le" => (2, Order::Little),
            "16be" => (2, Order::Big),
            "32le" => (4, Order::Little),
            "32be" => (4, Order::Big),
            "64le" => (8, Order::Little),
            "64be" => (8, Order::Big),
            _ => return None,
        };
        (class != Class::Float || bytes >= 4).then_some(Self { class, bytes, order })
    }

    /// The type of a length: `8`, or `16` and `32` with a byte order.
    pub(crate) fn of_length(name: &str) -> Option<Self> {
        Self::from_name(&format!("u{name}")).filter(|number_type| number_type.bytes <= 4)
    }

    pub(crate) fn size(self) -> usize {
        self.bytes
    }

    pub(crate) fn is_float(self) -> bool {
        self.class == Class::Float
    }

    /// The bytes of a number as it is written in a script, if it has the range for it.
    pub(crate) fn encode(self, written: &str) -> Option<Vec<u8>> {
        match (self.class, self.bytes) {
            (Class::Float, 4) => {
                let value: f32 = written.parse().ok()?;
                value.is_finite().then(|| self.ordered(value.to_bits().into()))
            }
            (Class::Float, _) => {
                let value: f64 = written.parse().ok()?;
                value.is_finite().then(|| self.ordered(value.to_bits()))
            }
            _ => self.encode_integer(match written.strip_prefix("0x") {
                Some(digits) => i128::from_str_radix(digits, 16).ok()?,
                None => written.parse().ok()?,
            }),
        }
    }

    /// The bytes of an integer, if the type has the range for it.
    pub(crate) fn encode_integer(self, value: i128) -> Option<Vec<u8>> {
        let bits = u32::try_from(8 * self.bytes).expect("there are 64 at most");
        let (least, most) = match self.class {
            Class::Signed => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            _ => (0, (1_i128 << bits) - 1),
        };
        let fits = (least..=most).contains(&value);
        fits.then(|| self.ordered(u64::from_le_bytes(value.to_le_bytes()[..8].try_into().expect("it is eight bytes"))))
    }

    /// The unsigned number that these bytes are.
    pub(crate) fn decode_length(self, bytes: &[u8]) -> u64 {
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        match self.order {
            Order::Little => bytes.iter().rev().fold(0, add),
            Order::Big => bytes.iter().fold(0, add),
        }
    }

    fn ordered(self, value: u64) -> Vec<u8> {
        match self.order {
            Order::Little => value.to_le_bytes()[..self.bytes].to_vec(),
            Order::Big => value.to_be_bytes()[8 - self.bytes..].to_vec(),
        }
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            Class::Unsigned => 'u',
            Class::Signed => 'i',
            Class::Float => 'f',
        };
        let order = match self.order {
            _ if self.bytes == 1 => "",
            Order::Little => "le",
            Order::Big => "be",
        };
        write!(formatter, "{class}{}{order}", 8 * self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each type has its name, its range, and its byte order.
    #[test]
    fn numbers_have_their_range_and_order() {
        for (name, written, bytes) in [
            ("u8", "255", Some(&b"\xff"[..])),
            ("u8", "256", None),
            ("u8", "-1", None),
            ("u8", "0x1f", Some(b"\x1f")),
            ("i8", "-128", Some(b"\x80")),
            ("i8", "128", None),
            ("u16be", "1", Some(b"\0\x01")),
            ("u32le", "3", Some(b"\x03\0\0\0")),
            ("i64be", "-2", Some(b"\xff\xff\xff\xff\xff\xff\xff\xfe")),
            ("u64le", "18446744073709551615", Some(b"\xff\xff\xff\xff\xff\xff\xff\xff")),
            ("u64le", "18446744073709551616", None),
            ("u32le", "0.5", None),
            ("f32be", "1", Some(b"\x3f\x80\0\0")),
            ("f64be", "-0.5", Some(b"\xbf\xe0\0\0\0\0\0\0")),
            ("f64le", "-0.5", Some(b"\0\0\0\0\0\0\xe0\xbf")),
        ] {
            let number_type = NumberType::from_name(name).unwrap();
            assert_eq!(number_type.to_string(), name);
            assert_eq!(number_type.encode(written).as_deref(), bytes, "{name}({written})");
        }
        for name in ["", "u", "u16", "f16le", "f8", "u8le", "x8", "u128le", "é8"] {
            assert_eq!(NumberType::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_length_is_read_as_it_is_written() {
        for name in ["8", "16le", "16be", "32le", "32be"] {
            let number_type = NumberType::of_length(name).unwrap();
            assert_eq!(number_type.decode_length(&number_type.encode_integer(201).unwrap()), 201);
        }
        assert_eq!(NumberType::of_length("64le"), None);
    }
}
