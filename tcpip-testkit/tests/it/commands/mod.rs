//! Commands among other frames: every reply is the one of its command, or there is none.

mod late;
mod links;
mod paired;
mod replies;
mod sessions;
mod waiting;
pub(crate) mod wordy;
