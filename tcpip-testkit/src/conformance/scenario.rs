//! What is done to a server.

use std::fmt;

use super::{
    Settings,
    garbage::{Random, garbage},
};
use crate::script::notation;

/// How many lots of garbage are sent.
const GARBAGE: usize = 32;

/// How much of a lot of garbage is shown.
const SHOWN: usize = 80;

#[derive(Clone, Debug)]
pub(super) enum Scenario {
    /// Sends bytes in these pieces, each when the server has done with the one before, and expects the same as if they
    /// were sent as usual.
    Pieces { sent: Vec<Vec<u8>>, usual: Vec<Vec<u8>> },
    /// Has a client do what it should not, and expects that the next one is served.
    Disturbance(Disturbance),
}

#[derive(Clone, Debug)]
pub(super) enum Disturbance {
    Leaving { sent: Vec<u8>, how: Leave },
    Garbage { sent: Vec<u8> },
    Silence,
    NotReading { command: Vec<u8> },
    SecondClient,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Leave {
    HangUp,
    Reset,
}

/// All that is done, each kind by itself.
pub(super) fn kinds(settings: &Settings) -> Vec<Vec<Scenario>> {
    let commands = &settings.commands;
    let leaving = |how| {
        let sent = commands.iter().flat_map(|command| (0..=command.len()).map(|count| command[..count].to_vec()));
        sent.map(|sent| Disturbance::Leaving { sent, how }).collect()
    };
    let mut random = Random::new(settings.seed);
    let disturbances: [Vec<Disturbance>; 6] = [
        leaving(Leave::HangUp),
        leaving(Leave::Reset),
        (0..GARBAGE).map(|_| Disturbance::Garbage { sent: garbage(&mut random, commands) }).collect(),
        vec![Disturbance::Silence],
        commands.iter().map(|command| Disturbance::NotReading { command: command.clone() }).collect(),
        vec![Disturbance::SecondClient],
    ];
    let cut = commands.iter().flat_map(|command| cuts(command)).collect();
    let together = commands.iter().flat_map(|first| commands.iter().map(|second| together(first, second))).collect();
    let next = commands.iter().cycle().skip(1);
    let behind = commands.iter().zip(next).flat_map(|(first, second)| cuts_behind(first, second)).collect();
    let disturbances = disturbances.into_iter().map(|kind| kind.into_iter().map(Scenario::Disturbance).collect());
    [cut, together, behind].into_iter().chain(disturbances).collect()
}

/// A command in two pieces, in every way, and byte by byte.
fn cuts(command: &[u8]) -> impl Iterator<Item = Scenario> {
    let in_two = (1..command.len()).map(|at| vec![command[..at].to_vec(), command[at..].to_vec()]);
    let byte_by_byte = command.chunks(1).map(<[u8]>::to_vec).collect();
    let cuts = in_two.chain((command.len() > 2).then_some(byte_by_byte));
    cuts.map(|sent| Scenario::Pieces { sent, usual: vec![command.to_vec()] })
}

fn together(first: &[u8], second: &[u8]) -> Scenario {
    Scenario::Pieces { sent: vec![[first, second].concat()], usual: vec![first.to_vec(), second.to_vec()] }
}

/// A command with the beginning of another, in every way, and then the rest.
fn cuts_behind(first: &[u8], second: &[u8]) -> impl Iterator<Item = Scenario> {
    (1..second.len()).map(move |at| {
        let sent = vec![[first, &second[..at]].concat(), second[at..].to_vec()];
        Scenario::Pieces { sent, usual: vec![first.to_vec(), second.to_vec()] }
    })
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |pieces: &[Vec<u8>]| {
            let pieces: Vec<String> = pieces.iter().map(|piece| notation::items(piece)).collect();
            pieces.join(" | ")
        };
        match self {
            Self::Pieces { sent, usual } if sent == usual => formatter.write_str(&shown(sent)),
            Self::Pieces { sent, usual } => write!(formatter, "{} instead of {}", shown(sent), shown(usual)),
            Self::Disturbance(disturbance) => disturbance.fmt(formatter),
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaving { sent, how } => {
                let how = match how {
                    Leave::HangUp => "a hang-up",
                    Leave::Reset => "a reset",
                };
                match &sent[..] {
                    [] => write!(formatter, "{how} at once"),
                    sent => write!(formatter, "{how} behind {}", notation::items(sent)),
                }
            }
            Self::Garbage { sent } if sent.len() > SHOWN => {
                write!(formatter, "{} bytes of garbage, {} …", sent.len(), notation::items(&sent[..SHOWN]))
            }
            Self::Garbage { sent } => write!(formatter, "garbage, {}", notation::items(sent)),
            Self::Silence => formatter.write_str("a client that says nothing"),
            Self::NotReading { command } => {
                write!(formatter, "a client that does not read, and sends {} all the time", notation::items(command))
            }
            Self::SecondClient => formatter.write_str("a second client"),
        }
    }
}
