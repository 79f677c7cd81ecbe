//! The checksum of a frame.

use std::{fmt, sync::Arc};

use crc::{Algorithm, Crc};

/// The checksum of a frame: how it is counted, written, and where it is.
///
/// By default it is binary, big-endian, and the last part of the content, of which it is taken. It is taken away when a
/// frame is read, and put in when one is written.
///
/// ```
/// use tcpip_core::{Checksum, Framing};
///
/// // STX, content, ETX, and the exclusive-or of what is behind the STX: as many instruments have it.
/// let bcc = Framing::between(b"\x02", b"\x03").checksum(Checksum::xor().behind_the_end());
/// assert_eq!(bcc.frame(b"A1")?, b"\x02A1\x03\x73");
///
/// // NMEA 0183: what is between `$` and `*`, in hexadecimal digits.
/// let nmea = Framing::between(b"$", b"\r\n").checksum(Checksum::xor().in_hex().separated_by(b"*"));
/// assert_eq!(nmea.frame(b"GPGLL,,,,,,V,N")?, b"$GPGLL,,,,,,V,N*64\r\n");
/// # Ok::<(), tcpip_core::Unframable>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checksum {
    kind: Kind,
    form: Form,
    separator: Vec<u8>,
    place: Place,
}

#[derive(Clone)]
enum Kind {
    Sum,
    Xor,
    Lrc,
    Crc8(Arc<Crc<u8>>),
    Crc16(Arc<Crc<u16>>),
    Crc32(Arc<Crc<u32>>),
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => formatter.write_str("Sum"),
            Self::Xor => formatter.write_str("Xor"),
            Self::Lrc => formatter.write_str("Lrc"),
            Self::Crc8(crc) => fmt::Debug::fmt(crc.algorithm, formatter),
            Self::Crc16(crc) => fmt::Debug::fmt(crc.algorithm, formatter),
            Self::Crc32(crc) => fmt::Debug::fmt(crc.algorithm, formatter),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    BigEndian,
    LittleEndian,
    Hex,
}

/// Where the checksum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the end of the content.
    Within,
    /// Behind the end mark, of which it is taken as well; of the begin mark or header too, if that is said.
    Behind { covers_begin: bool },
}

impl Checksum {
    fn new(kind: Kind) -> Self {
        Self { kind, form: Form::BigEndian, separator: Vec::new(), place: Place::Within }
    }

    /// The sum of all bytes, in one byte.
    #[must_use]
    pub fn sum() -> Self {
        Self::new(Kind::Sum)
    }

    /// The exclusive-or of all bytes.
    #[must_use]
    pub fn xor() -> Self {
        Self::new(Kind::Xor)
    }

    /// The longitudinal redundancy check of Modbus: what makes the [sum](Self::sum) of all bytes and of this 0.
    #[must_use]
    pub fn lrc() -> Self {
        Self::new(Kind::Lrc)
    }

    /// A CRC of 8 bits: any of the crate [`crc`](https://docs.rs/crc)'s catalogue.
    #[must_use]
    pub fn crc8(algorithm: &'static Algorithm<u8>) -> Self {
        Self::new(Kind::Crc8(Arc::new(Crc::<u8>::new(algorithm))))
    }

    /// A CRC of 16 bits: any of the crate [`crc`](https://docs.rs/crc)'s catalogue.
    #[must_use]
    pub fn crc16(algorithm: &'static Algorithm<u16>) -> Self {
        Self::new(Kind::Crc16(Arc::new(Crc::<u16>::new(algorithm))))
    }

    /// A CRC of 32 bits: any of the crate [`crc`](https://docs.rs/crc)'s catalogue.
    #[must_use]
    pub fn crc32(algorithm: &'static Algorithm<u32>) -> Self {
        Self::new(Kind::Crc32(Arc::new(Crc::<u32>::new(algorithm))))
    }

    /// It is in hexadecimal digits: capitals when it is written, and either when it is read. The first is the highest.
    #[must_use]
    pub fn in_hex(self) -> Self {
        Self { form: Form::Hex, ..self }
    }

    /// Its lowest byte comes first.
    #[must_use]
    pub fn little_endian(self) -> Self {
        Self { form: Form::LittleEndian, ..self }
    }

    /// These bytes are in front of it, and it is not taken of them.
    #[must_use]
    pub fn separated_by(self, separator: &[u8]) -> Self {
        Self { separator: separator.to_vec(), ..self }
    }

    /// It is behind the end mark, and taken of that too.
    #[must_use]
    pub fn behind_the_end(self) -> Self {
        Self { place: Place::Behind { covers_begin: false }, ..self }
    }

    /// It is behind all of the frame, and taken of all: of the begin mark or header too.
    #[must_use]
    pub fn of_the_whole_frame(self) -> Self {
        Self { place: Place::Behind { covers_begin: true }, ..self }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// How many bytes it has, with what separates it.
    pub(super) fn len(&self) -> usize {
        let bytes = match self.kind {
            Kind::Sum | Kind::Xor | Kind::Lrc | Kind::Crc8(_) => 1,
            Kind::Crc16(_) => 2,
            Kind::Crc32(_) => 4,
        };
        self.separator.len() + if matches!(self.form, Form::Hex) { 2 * bytes } else { bytes }
    }

    /// That of `bytes`, with what separates it.
    pub(super) fn of(&self, bytes: &[u8]) -> Vec<u8> {
        let sum = || bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
        let mut value = match &self.kind {
            Kind::Sum => vec![sum()],
            Kind::Xor => vec![bytes.iter().fold(0, |sum, byte| sum ^ byte)],
            Kind::Lrc => vec![sum().wrapping_neg()],
            Kind::Crc8(crc) => vec![crc.checksum(bytes)],
            Kind::Crc16(crc) => crc.checksum(bytes).to_be_bytes().to_vec(),
            Kind::Crc32(crc) => crc.checksum(bytes).to_be_bytes().to_vec(),
        };
        match self.form {
            Form::BigEndian => {}
            Form::LittleEndian => value.reverse(),
            Form::Hex => value = value.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect(),
        }
        [&self.separator[..], &value].concat()
    }

    /// Whether `found` is `expected`, of which digits may be small.
    pub(super) fn is_same(&self, found: &[u8], expected: &[u8]) -> bool {
        if matches!(self.form, Form::Hex) { found.eq_ignore_ascii_case(expected) } else { found == expected }
    }
}
