//! Whether a side can be played.

use super::super::{
    Script, ScriptFault,
    compile::unknown,
    program::{Node, Part, Times},
    syntax::{Action, Branching},
};
use crate::side::Side;

/// An error about the first thing in the script that this side cannot play.
pub(super) fn check(script: &Script, role: Option<Side>) -> Result<(), ScriptFault> {
    match role {
        Some(role) => nodes(script.block(), script, role),
        None => Ok(()),
    }
}

fn nodes(nodes: &[Node], script: &Script, role: Side) -> Result<(), ScriptFault> {
    nodes.iter().try_for_each(|each| node(each, script, role))
}

fn node(node: &Node, script: &Script, role: Side) -> Result<(), ScriptFault> {
    match node {
        Node::Step(step) => match &step.action {
            Action::Items(items) if step.side == role => parts(items, script, role),
            _ => Ok(()),
        },
        Node::Every(every) if every.side == role => every.steps.iter().try_for_each(|step| parts(step, script, role)),
        Node::Repeat(repeat) => {
            if matches!(repeat.times, Times::WhileFits(side) if side == role) {
                let message = format!("{} cannot play `repeat` without a number, which it begins", role.name());
                return Err(script.fault_at(repeat.place, message));
            }
            nodes(&repeat.body, script, role)
        }
        Node::Branches(branches) => {
            if branches.branching == Branching::OneOf && branches.side == role {
                let message = format!("{} cannot play `one of`, which it begins", role.name());
                return Err(script.fault_at(branches.place, message));
            }
            branches.all.iter().try_for_each(|branch| nodes(branch, script, role))
        }
        Node::Pause(_) | Node::Every(_) | Node::AnyTime(_) | Node::Stop(_) => Ok(()),
    }
}

fn parts(parts: &[Part], script: &Script, role: Side) -> Result<(), ScriptFault> {
    match parts.iter().find_map(unknown) {
        None => Ok(()),
        Some(place) => {
            let message = format!("{} cannot send this, which has no example", role.name());
            Err(script.fault_at(place, message))
        }
    }
}
