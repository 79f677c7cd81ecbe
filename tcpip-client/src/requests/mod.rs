//! Requests and replies: one in flight, from many tasks.

mod command;
mod device;
mod error;
mod framed;
mod front;
mod options;
mod outstanding;
mod reply;
mod requester;
mod shape;
mod shapes;
mod turn;

pub use self::{
    command::{Command, IntoCommand},
    error::{Cause, RequestError},
    options::{OutOfStep, RequestOptions, Unsolicited},
    requester::Requester,
    shape::Shape,
    shapes::{bytes, frame, json, line, lines, lines_before, lines_until, literal, of, scpi_block, silence, until},
};
pub(crate) use self::{device::Device, front::Front, reply::later, turn::not_busy};
