//! What the fuzz target and its replay drive. No part of the library.

pub use crate::connection::model::{compare_cut, drive};
