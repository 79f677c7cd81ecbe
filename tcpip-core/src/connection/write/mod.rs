//! What is written, from the caller to the stream.

mod batch;
mod expected;
mod memory;
mod methods;
mod sending;
mod writing;

pub use self::{batch::Batch, expected::Expected, sending::Sending};
