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
    /// In good order, and then by a reset: a peer that is gone resets what reaches it.
    FinThenReset,
    /// In good order, which a step has taken.
    FinTaken,
    Reset,
    /// By a reset, which a step has taken.
    ResetTaken,
}

impl Input {
    pub(super) fn is_reset(&self) -> bool {
        matches!(self.end, Some(End::FinThenReset | End::Reset | End::ResetTaken))
    }

    /// It has been reset, whatever was before.
    pub(super) fn reset(&mut self) {
        self.end = Some(match self.end {
            Some(End::Fin | End::FinThenReset) => End::FinThenReset,
            _ => End::Reset,
        });
    }

    pub(super) fn take(&mut self, length: usize) {
        self.bytes.drain(..length);
    }
}
