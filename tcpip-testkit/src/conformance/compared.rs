//! What of a reply is compared.

use std::fmt;

use super::Heard;

/// Makes of a reply what is compared.
type Map = dyn Fn(&[u8]) -> Vec<u8> + Send;

/// What of a reply is compared: all of it, or what a closure makes of it.
#[derive(Default)]
pub(super) struct Compared(Option<Box<Map>>);

impl Compared {
    pub(super) fn by(map: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        Self(Some(Box::new(map)))
    }

    pub(super) fn of(&self, heard: Heard) -> Heard {
        match &self.0 {
            Some(map) if !heard.bytes.is_empty() => Heard { bytes: map(&heard.bytes), ..heard },
            _ => heard,
        }
    }
}

impl fmt::Debug for Compared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "by a closure" } else { "all" })
    }
}
