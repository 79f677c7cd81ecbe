//! Structures as bytes.

use tcpip_core::Structs;
use zerocopy::{Immutable, IntoBytes, little_endian::U32};

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Header {
    kind: u8,
    length: U32,
}

#[expect(clippy::needless_pass_by_value, reason = "as every function that takes structs")]
fn bytes(structs: impl Structs) -> Vec<u8> {
    structs.parts().as_slice().concat()
}

/// One structure, an array, a slice, and tuples of two to eight of different types: their bytes back to back.
#[test]
fn one_to_eight_structures_are_joined_without_padding() {
    let header = Header { kind: 7, length: 0x0403_0201.into() };
    let (byte, word, array, slice) = (1u8, 0x0202u16, [3u8; 3], &[4u8; 4][..]);
    let (long, float) = (0i64, 0f32);
    assert_eq!(bytes(&header), [7, 1, 2, 3, 4]);
    assert_eq!(bytes(slice), [4; 4]);
    assert_eq!(bytes(&[header, Header { kind: 8, length: 0.into() }]), [7, 1, 2, 3, 4, 8, 0, 0, 0, 0]);
    let header = Header { kind: 7, length: 0x0403_0201.into() };
    let all = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 1];
    assert_eq!(bytes((&byte, &word)), all[..3]);
    assert_eq!(bytes((&byte, &word, &array)), all[..6]);
    assert_eq!(bytes((&byte, &word, &array, slice)), all[..10]);
    assert_eq!(bytes((&byte, &word, &array, slice, &long)), all[..18]);
    assert_eq!(bytes((&byte, &word, &array, slice, &long, &float)), all[..22]);
    assert_eq!(bytes((&byte, &word, &array, slice, &long, &float, &header)), all[..27]);
    assert_eq!(bytes((&byte, &word, &array, slice, &long, &float, &header, &byte)), all);
}

/// Each structure keeps its own part, empty ones too, so that none is lost in a message of several.
#[test]
fn every_structure_is_a_part() {
    let none: [u8; 0] = [];
    assert_eq!((&1u8, &none, &2u8).parts().as_slice(), [&[1u8][..], &[], &[2]]);
}
