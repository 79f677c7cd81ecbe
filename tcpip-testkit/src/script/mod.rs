//! The text format of what goes over a link.

pub(crate) mod notation;
