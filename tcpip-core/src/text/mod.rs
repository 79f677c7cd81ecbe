//! From bytes to text and back: encodings, JSON, and what of both is in force for a session.

mod encoding;
mod json;
mod text_format;

pub use self::{encoding::Encoding, json::JsonMode, text_format::TextFormat};
