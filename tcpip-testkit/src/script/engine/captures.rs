//! What holes have captured.

use std::collections::HashMap;

/// What a hole has captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Whether it is a text in JSON too, whatever it looks like.
    pub(super) is_text: bool,
}

/// Captures by their names.
pub(crate) type Captures = HashMap<String, Capture>;

/// What has been captured, with what the step under way captures.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    before: &'a Captures,
    new: Vec<(String, Capture)>,
}

/// Nothing has been captured by this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unset(pub(super) String);

impl<'a> Scope<'a> {
    pub(super) fn new(before: &'a Captures) -> Self {
        Self { before, new: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Result<&Capture, Unset> {
        let new = self.new.iter().rev().find(|(known, _)| known == name).map(|(_, capture)| capture);
        new.or_else(|| self.before.get(name)).ok_or_else(|| Unset(name.to_owned()))
    }

    pub(super) fn put(&mut self, name: Option<&String>, bytes: &[u8], is_text: bool) {
        if let Some(name) = name {
            self.new.push((name.clone(), Capture { bytes: bytes.to_vec(), is_text }));
        }
    }

    pub(super) fn into_new(self) -> Vec<(String, Capture)> {
        self.new
    }
}
