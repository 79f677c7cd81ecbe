//! What became of a command.

use std::borrow::Cow;

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout,
    little_endian::{F64, U32},
};

/// The status of a command that was accepted.
pub const ACK: u32 = 1;

/// The status of a command that was refused.
pub const NO_ACK: u32 = 2;

/// How long a reason can be, in bytes.
pub const MAX_REASON: usize = 50;

/// What became of a command, 62 bytes. The header before it has the command's counter.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CommandStatus {
    /// [`ACK`] or [`NO_ACK`].
    pub status: U32,
    /// How long the command will take, in seconds.
    pub duration: F64,
    /// Why it was refused: text, filled up with NUL bytes.
    pub reason: [u8; MAX_REASON],
}

const _: () = assert!(size_of::<CommandStatus>() == 62);

impl CommandStatus {
    /// Of a command that was accepted and takes `duration` seconds.
    #[must_use]
    pub fn accepted(duration: f64) -> Self {
        Self { status: ACK.into(), duration: duration.into(), reason: [0; MAX_REASON] }
    }

    /// Of a command that was refused. The reason is cut at [`MAX_REASON`] bytes, before a character that does not fit.
    #[must_use]
    pub fn refused(reason: &str) -> Self {
        let cut = &reason[..reason.floor_char_boundary(MAX_REASON)];
        let mut padded = [0; MAX_REASON];
        padded[..cut.len()].copy_from_slice(cut.as_bytes());
        Self { status: NO_ACK.into(), duration: F64::ZERO, reason: padded }
    }

    /// Why the command was refused, up to the first NUL byte. What is no UTF-8 is replaced.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        let end = self.reason.iter().position(|&byte| byte == 0).unwrap_or(MAX_REASON);
        String::from_utf8_lossy(&self.reason[..end])
    }
}
