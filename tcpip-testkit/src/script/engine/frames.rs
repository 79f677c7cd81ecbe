//! Where a player is in its script.

use std::sync::Arc;

use crate::{
    script::program::{Block, Branches, Node, Step, Times},
    side::Side,
};

/// A block that is being played.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) block: Block,
    pub(super) next: usize,
    pub(super) kind: FrameKind,
}

#[derive(Debug)]
pub(super) enum FrameKind {
    /// The script, or a branch.
    Once,
    /// A block that is played so often, this time included.
    Repeat(u32),
    /// A block of which it is seen at its end whether it is played again.
    WhileFits,
    /// The branches of `any order` that have not been played, by their numbers.
    AnyOrder(Arc<Branches>, Vec<usize>),
}

impl Frame {
    pub(super) fn new(block: Block, kind: FrameKind) -> Self {
        Self { block, next: 0, kind }
    }

    pub(super) fn any_order(branches: Arc<Branches>) -> Self {
        let pending = (0..branches.all.len()).collect();
        Self::new(Arc::default(), FrameKind::AnyOrder(branches, pending))
    }

    /// Whether what is left of it, or what is repeated, has a step that connects.
    pub(super) fn connects(&self) -> bool {
        let from = if matches!(self.kind, FrameKind::Once) { self.next } else { 0 };
        let pending = match &self.kind {
            FrameKind::AnyOrder(branches, _) => &branches.all[..],
            _ => &[],
        };
        connects(self.block.get(from..).unwrap_or_default()) || pending.iter().any(|branch| connects(branch))
    }

    pub(super) fn node(&self) -> Option<&Node> {
        self.block.get(self.next)
    }
}

fn connects(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Step(step) => step.connects(),
        Node::Repeat(repeat) => connects(&repeat.body),
        Node::Branches(branches) => branches.all.iter().any(|branch| connects(branch)),
        Node::Pause(_) | Node::Every(_) | Node::AnyTime(_) | Node::Stop(_) => false,
    })
}

/// The steps of which one comes next of these frames' blocks, behind the node that is next in the last of them. Only
/// those that are expected of `side`.
pub(super) fn steps_behind(frames: &[Frame], side: Side) -> Vec<Arc<Step>> {
    let mut steps = Vec::new();
    for (depth, frame) in frames.iter().enumerate().rev() {
        // What is next in the frames around the last is behind the block already.
        let from = frame.next + usize::from(depth + 1 == frames.len());
        if !add_steps(frame.block.get(from..).unwrap_or_default(), &mut steps) {
            break;
        }
        match &frame.kind {
            FrameKind::Repeat(left) if *left > 1 && !add_steps(&frame.block, &mut steps) => break,
            FrameKind::AnyOrder(branches, pending) if !pending.is_empty() => {
                for branch in pending {
                    add_steps(&branches.all[*branch], &mut steps);
                }
                break;
            }
            _ => {}
        }
    }
    steps.retain(|step| step.side == side && !step.connects());
    steps
}

/// The steps with which these nodes may begin.
pub(super) fn first_steps(nodes: &[Node]) -> Vec<Arc<Step>> {
    let mut steps = Vec::new();
    add_steps(nodes, &mut steps);
    steps
}

/// Adds the steps with which these nodes may begin. Returns whether it may be with what is behind them.
fn add_steps(nodes: &[Node], steps: &mut Vec<Arc<Step>>) -> bool {
    for node in nodes {
        match node {
            Node::Step(step) => steps.push(step.clone()),
            Node::Every(_) | Node::AnyTime(_) | Node::Stop(_) => continue,
            Node::Pause(_) => {}
            Node::Branches(branches) => {
                for branch in &branches.all {
                    add_steps(branch, steps);
                }
            }
            Node::Repeat(repeat) => {
                let passes = match repeat.times {
                    Times::Exactly(0) => true,
                    Times::Exactly(_) => add_steps(&repeat.body, steps),
                    Times::WhileFits(_) => {
                        add_steps(&repeat.body, steps);
                        true
                    }
                };
                if passes {
                    continue;
                }
            }
        }
        return false;
    }
    true
}
