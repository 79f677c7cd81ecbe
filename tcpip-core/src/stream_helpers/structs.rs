//! Binary structures as the payload of one write.

use zerocopy::{Immutable, IntoBytes};

/// The most structures that one call takes.
pub(crate) const MOST_STRUCTS: usize = 8;

/// One structure, or several of different types, whose bytes go out back to back as one unit.
///
/// That is `&T` for any `T` with zerocopy's [`IntoBytes`] and [`Immutable`] (a `#[repr(C)]` struct without padding, an
/// array, a slice of structs), or a tuple of two to eight of them.
///
/// ```
/// use tcpip_core::Structs;
/// use zerocopy::{Immutable, IntoBytes, little_endian::{F64, U32}};
///
/// #[derive(IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Header { id: U32 }
///
/// #[derive(IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Body { position: F64 }
///
/// fn size(structs: impl Structs) -> usize {
///     structs.parts().as_slice().iter().map(|part| part.len()).sum()
/// }
/// assert_eq!(size((&Header { id: 7.into() }, &Body { position: 1.0.into() })), 12);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a structure that can be written",
    note = "pass `&value`, or a tuple `(&header, &body)` of 2 to 8; each type needs \
            `#[derive(zerocopy::IntoBytes, zerocopy::Immutable)]` and `#[repr(C)]` or `#[repr(C, packed)]`"
)]
pub trait Structs: Send + Sync + sealed::Sealed {
    /// The bytes of each structure, in order.
    fn parts(&self) -> Parts<'_>;
}

/// The bytes of one to eight structures. Dropping it does nothing: it borrows.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    parts: [&'a [u8]; MOST_STRUCTS],
    count: usize,
}

impl<'a> Parts<'a> {
    fn new(given: &[&'a [u8]]) -> Self {
        let mut parts: [&[u8]; MOST_STRUCTS] = [&[]; MOST_STRUCTS];
        parts[..given.len()].copy_from_slice(given);
        Self { parts, count: given.len() }
    }

    /// The bytes, one slice for each structure.
    #[must_use]
    pub fn as_slice(&self) -> &[&'a [u8]] {
        &self.parts[..self.count]
    }
}

mod sealed {
    pub trait Sealed {}
}

impl<T: IntoBytes + Immutable + Sync + ?Sized> sealed::Sealed for &T {}

impl<T: IntoBytes + Immutable + Sync + ?Sized> Structs for &T {
    fn parts(&self) -> Parts<'_> {
        Parts::new(&[self.as_bytes()])
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: IntoBytes + Immutable + Sync + ?Sized),+> sealed::Sealed for ($(&$name,)+) {}

        impl<$($name: IntoBytes + Immutable + Sync + ?Sized),+> Structs for ($(&$name,)+) {
            #[expect(non_snake_case, reason = "each value is named after its type parameter")]
            fn parts(&self) -> Parts<'_> {
                let ($($name,)+) = self;
                Parts::new(&[$($name.as_bytes()),+])
            }
        }
    };
}

tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
