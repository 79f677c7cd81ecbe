//! What one side has sent that no step has taken.

/// What one side has sent that no step has taken, and how it has ended.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    pub(super) end: Option<End>,
}

/// How a direction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    /// In good order, which a step has taken.
    FinTaken,
    Reset,
    /// By a reset, which a step has taken.
    ResetTaken,
}

impl Input {
    pub(super) fn take(&mut self, length: usize) {
        self.bytes.drain(..length);
    }
}
