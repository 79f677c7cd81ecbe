//! What works on any stream, without a session; and binary structures.

mod close_stream_writer;
mod stream_structs;
mod structs;

pub use self::{
    close_stream_writer::close_stream_writer,
    stream_structs::{read_into, read_struct, write_from},
    structs::{Parts, Structs},
};
pub(crate) use self::{stream_structs::struct_from, structs::MOST_STRUCTS};
