//! The core alone: framing, and the helpers for any stream.

mod device_frames;
mod encodings;
mod frame_buffer;
mod json;
mod json_alike;
mod json_exact;
mod latest;
mod stream_helpers;
mod structs;
