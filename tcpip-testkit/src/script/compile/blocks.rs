//! Steps and blocks.

use std::{sync::Arc, time::Duration};

use super::Compiler;
use crate::{
    script::{
        place::Place,
        program::{Block, Branches, Node, Part, Pause, Repeat, Step, Times, Unasked},
        syntax::{self, Action, Branching, Content, Delay, Item, Line, Time, Wrong},
    },
    side::Side,
};

/// How many blocks may be within each other.
const DEEPEST: usize = 64;

/// More often nothing is sent unasked: there would be no time for anything else.
const SHORTEST_EVERY: Duration = Duration::from_millis(1);

impl<'a> Compiler<'a> {
    pub(super) fn script(&mut self) -> Result<Block, Wrong> {
        self.version()?;
        let block = self.block()?;
        match self.peek() {
            None => Ok(block),
            Some((line, content)) => Err(Wrong::at(line.place.range(), format!("`{content}` is in no such block"))),
        }
    }

    /// The next line that says something.
    fn peek(&self) -> Option<(&'a Line, &'a Content)> {
        self.lines[self.next..].iter().find_map(|line| Some((line, line.content.as_ref()?)))
    }

    fn take(&mut self) -> Option<(&'a Line, &'a Content)> {
        while let Some(line) = self.lines.get(self.next) {
            self.next += 1;
            if let Some(content) = &line.content {
                return Some((line, content));
            }
        }
        None
    }

    fn version(&mut self) -> Result<(), Wrong> {
        if let Some((line, Content::Script(version))) = self.peek() {
            if *version != 1 {
                return Err(Wrong::at(line.place.range(), format!("expected `script 1`, not {version}")));
            }
            self.take();
        }
        Ok(())
    }

    /// All up to the end of the block or of the script.
    fn block(&mut self) -> Result<Block, Wrong> {
        let names = self.every_names.len();
        let mut nodes = Vec::new();
        while let Some((_, content)) = self.peek() {
            if matches!(content, Content::End | Content::Next(_)) {
                break;
            }
            nodes.extend(self.node()?);
        }
        self.every_names.truncate(names);
        Ok(nodes.into())
    }

    fn node(&mut self) -> Result<Option<Node>, Wrong> {
        let Some((line, content)) = self.take() else { return Ok(None) };
        let place = line.place;
        let pause = |time: &Time, is_silent| Node::Pause(Pause { time: time.duration, is_silent, place });
        Ok(Some(match content {
            Content::Script(_) => {
                return Err(Wrong::at(place.range(), "`script` stands before everything else"));
            }
            Content::Encoding(label) => {
                self.encoding = label.parse().map_err(|_| {
                    Wrong::at(place.end - label.len()..place.end, "expected an encoding, as utf-8 or latin-1")
                })?;
                return Ok(None);
            }
            Content::Deadline(time) => {
                self.deadline = time.duration;
                return Ok(None);
            }
            Content::Wait(time) => pause(time, false),
            Content::Silence(time) => pause(time, true),
            Content::Step(step) => Node::Step(Arc::new(self.step(step, place)?)),
            Content::Items(_) => {
                return Err(Wrong::at(place.range(), "there is no step of items above that this could continue"));
            }
            Content::Stop(name) => {
                if !self.every_names.contains(&&**name) {
                    return Err(Wrong::at(place.range(), format!("there is no `every` above of the name `{name}`")));
                }
                Node::Stop(name.clone())
            }
            Content::Every(time, name) => {
                let every = self.unasked(line, Some(time))?;
                self.every_names.extend(name.as_deref());
                Node::Every(Arc::new(Unasked { name: name.clone(), ..every }))
            }
            Content::AnyTime => Node::AnyTime(Arc::new(self.unasked(line, None)?)),
            Content::Repeat(times) => Node::Repeat(Arc::new(self.repeat(line, *times)?)),
            Content::Branching(branching) => Node::Branches(Arc::new(self.branches(line, *branching)?)),
            Content::Next(_) | Content::End => unreachable!("the block around it takes it"),
        }))
    }

    fn step(&mut self, step: &'a syntax::Step, mut place: Place) -> Result<Step, Wrong> {
        if step.side == Side::Server && step.action == Action::Connect {
            return Err(Wrong::at(place.range(), "only a client connects: expected `> connect`"));
        }
        let action = match &step.action {
            Action::Items(items) => Action::Items(self.continued(items, &mut place)?),
            Action::Fin => Action::Fin,
            Action::Close => Action::Close,
            Action::Reset => Action::Reset,
            Action::Connect => Action::Connect,
        };
        let delay = step.delay.as_ref().map(|delay| match delay {
            Delay::After(time) => Delay::After(time.duration),
            Delay::At(time) => Delay::At(time.duration),
        });
        let deadline = step.within.as_ref().map_or(self.deadline, |time| time.duration);
        Ok(Step { side: step.side, delay, action, deadline, place })
    }

    /// The items of a step with those of the lines that continue it.
    fn continued(&mut self, first: &'a [Item], place: &mut Place) -> Result<Vec<Part>, Wrong> {
        let mut items: Vec<&Item> = first.iter().collect();
        while let Some((line, Content::Items(more))) = self.peek() {
            items.extend(more);
            place.end = line.place.end;
            self.take();
        }
        self.parts(&items)
    }

    /// The body of a block, through its end. `line` begins it.
    fn body(&mut self, line: &Line) -> Result<Block, Wrong> {
        self.deeper(line)?;
        let body = self.block()?;
        self.end(line)?;
        Ok(body)
    }

    fn deeper(&mut self, line: &Line) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Wrong::at(line.place.range(), format!("at most {DEEPEST} blocks can be within each other")));
        }
        Ok(())
    }

    fn end(&mut self, line: &Line) -> Result<(), Wrong> {
        match self.peek() {
            Some((_, Content::End)) => {
                self.take();
                self.depth -= 1;
                Ok(())
            }
            Some((other, content)) => {
                Err(Wrong::at(other.place.range(), format!("`{content}` does not belong to the block around it")))
            }
            None => Err(Wrong::at(line.place.range(), "this block has no `end`")),
        }
    }

    fn unasked(&mut self, line: &Line, every: Option<&Time>) -> Result<Unasked, Wrong> {
        if every.is_some_and(|time| time.duration.is_zero()) {
            return Err(Wrong::at(line.place.range(), "expected a time of more than nothing"));
        }
        let body = self.body(line)?;
        let mut steps = Vec::new();
        let mut side = None;
        for node in body.iter() {
            let Node::Step(step) = node else {
                return Err(Wrong::at(line.place.range(), "only steps with items may be in this block"));
            };
            match &step.action {
                _ if step.delay.is_some() => {
                    return Err(Wrong::at(step.place.range(), "a step in this block has no time of its own"));
                }
                _ if side.is_some_and(|side| side != step.side) => {
                    return Err(Wrong::at(step.place.range(), "all steps in this block are of one side"));
                }
                Action::Items(parts) => steps.push(parts.clone()),
                _ => return Err(Wrong::at(step.place.range(), "only steps with items may be in this block")),
            }
            side = Some(step.side);
        }
        let Some(side) = side else { return Err(no_step(line)) };
        let every = every.map(|time| time.duration.max(SHORTEST_EVERY));
        Ok(Unasked { side, every, name: None, steps, place: line.place })
    }

    fn repeat(&mut self, line: &Line, times: Option<u32>) -> Result<Repeat, Wrong> {
        let body = self.body(line)?;
        let Some(first) = body.first() else { return Err(no_step(line)) };
        let times = match (times, first_step(first)) {
            (Some(times), _) => Times::Exactly(times),
            (None, Some(first)) => Times::WhileFits(first.side),
            (None, None) => {
                let message = "a `repeat` without a number begins with a step, `one of` or `any order`";
                return Err(Wrong::at(line.place.range(), message));
            }
        };
        Ok(Repeat { times, body, place: line.place })
    }

    fn branches(&mut self, line: &Line, branching: Branching) -> Result<Branches, Wrong> {
        self.deeper(line)?;
        let mut branches = Vec::new();
        let mut side = None;
        loop {
            let begins = self.peek().map_or(line, |(line, _)| line);
            let branch = self.block()?;
            let first = branch.first().and_then(|node| match node {
                Node::Step(_) => first_step(node),
                _ => None,
            });
            let Some(first) = first else {
                return Err(Wrong::at(begins.place.range(), "a branch begins with a step, by which it is chosen"));
            };
            if side.is_some_and(|side| side != first.side) {
                return Err(Wrong::at(first.place.range(), "all branches begin with a step of the same side"));
            }
            side = Some(first.side);
            branches.push(branch);
            if !matches!(self.peek(), Some((_, Content::Next(next))) if *next == branching) {
                break;
            }
            self.take();
        }
        self.end(line)?;
        let Some(side) = side else { return Err(no_step(line)) };
        Ok(Branches { branching, side, all: branches, place: line.place })
    }
}

/// A step by which it is seen that this begins.
fn first_step(node: &Node) -> Option<&Step> {
    match node {
        Node::Step(step) if !step.connects() => Some(step),
        Node::Branches(branches) => first_step(branches.all.first()?.first()?),
        _ => None,
    }
}

fn no_step(line: &Line) -> Wrong {
    Wrong::at(line.place.range(), "this block has no step")
}
