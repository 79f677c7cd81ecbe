//! What can go wrong on a link, on demand: faults for a [`FaultProxy`](crate::FaultProxy).
//!
//! A fault is a stage that bytes pass on their way, a [`Fault`] of your own or one of those below. The conditions
//! [`times`](Fault::times), [`skip`](Fault::skip), [`after`](Fault::after), [`probability`](Fault::probability) and
//! [`of_sessions`](Fault::of_sessions) say when it is at work, and [`messages`] has it work on messages in place of
//! chunks. A chunk is what one read gave: a test that depends on where a chunk ends says `messages` or `after`.
//!
//! | what goes wrong | fault |
//! |---|---|
//! | it is late | [`latency`], [`loss`] |
//! | it is slow | [`bandwidth`], [`baud`], [`Bandwidth`] by `"9600 8N1".parse()` |
//! | it comes in pieces, or several at once | [`slices`], [`slices_at`], [`random_slices`], [`coalesce`] |
//! | nothing comes | [`stall`], [`black_hole`] |
//! | something is missing, twice there, or in the wrong order | [`drop_bytes`], [`double`], [`swap`] |
//! | it is damaged | [`flip_bits`], [`replace`], [`terminator`] |
//! | it ends | [`fin`], [`fin_after`], [`fin_when_idle`], [`limit`], [`half_close`], [`slow_close`] |
//! | it is reset | [`reset`], [`reset_after`], [`reset_when_idle`] |
//! | nobody has asked for it | [`unsolicited`] |
//! | anything else | [`custom`] |

mod bandwidth;
mod black_hole;
mod closing;
mod coalesce;
mod damage;
mod event;
mod fault;
mod gated;
mod lanes;
mod latency;
mod loss;
mod messages;
mod order;
mod out;
mod random;
mod slices;
mod stages;
mod stall;
mod unsolicited;

pub(crate) use self::stages::{Installed, Item, Session};
pub use self::{
    bandwidth::{Bandwidth, UnknownLine, bandwidth, baud},
    black_hole::black_hole,
    closing::{fin, fin_after, fin_when_idle, half_close, limit, reset, reset_after, reset_when_idle, slow_close},
    coalesce::coalesce,
    damage::{FlipBits, flip_bits, replace, terminator},
    event::{At, Direction, Event},
    fault::{Fault, custom},
    gated::Gated,
    latency::{Latency, latency},
    loss::{Loss, loss},
    messages::{Messages, messages},
    order::{double, drop_bytes, swap},
    out::Out,
    random::seed,
    slices::{Slices, random_slices, slices, slices_at},
    stall::stall,
    unsolicited::unsolicited,
};
