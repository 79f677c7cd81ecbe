//! The frames of devices: cut out of a stream of bytes, and made for one. No I/O.
//!
//! A [`Framing`] says how; its [`FrameCodec`] does it. A cutter finds where a frame ends (`cut.rs`, each kind in a file
//! of its own); what is inside is then opened: escapes undone, the checksum compared.

mod blocks;
mod checksum;
mod cut;
mod damage;
mod escapes;
mod frame_codec;
mod framing;
mod lengths;
mod lines;
mod marks;
mod trailing;
mod values;

pub use self::{
    checksum::Checksum,
    damage::{Damage, Unframable},
    frame_codec::FrameCodec,
    framing::{DEFAULT_FRAME_LIMIT, Framing},
    lengths::LengthField,
    marks::Escape,
    trailing::Trailing,
};
