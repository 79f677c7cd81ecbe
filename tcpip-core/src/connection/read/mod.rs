//! What is read, from the stream to the caller.

mod ahead;
mod methods;
mod one_read;
mod read_frame;
mod read_turn;
mod reading;
mod replies;
mod silence;
mod streams;
mod takes;
mod text_takes;
mod unread;

pub(super) use self::ahead::Outcome;
#[cfg(any(test, fuzzing))]
pub(super) use self::{
    read_frame::{Failure, OwnFrame},
    takes::{Available, Bytes, Line, ToEnd, Until},
    text_takes::{Text, TextWith},
};
pub use self::{
    read_turn::ReadTurn,
    replies::{Input, ReplyRead, TakeReply},
};
