//! Changes of a script's text.

use std::ops::Range;

use super::{place::Place, program::Part, syntax::mark_length};
use crate::side::Side;

/// What is changed of a text: parts of it that become others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Puts a step before the line of this place; at the end of the text if there is none.
    pub(crate) fn insert_step(&mut self, text: &str, before: Option<Place>, side: Side, items: &[String]) {
        let at = before.map_or(text.len(), |place| line_start(text, place.start));
        let indent = before.map_or("", |_| indent(&text[at..]));
        let end = if text[..at].ends_with('\n') || at == mark_length(text) { "" } else { "\n" };
        let items = items.join(&format!("\n{indent}  "));
        self.0.push((at..at, format!("{end}{indent}{} {items}\n", side.sign())));
    }

    /// Replaces these items of a step, one behind the other, by others. What else is in their lines stays.
    pub(crate) fn replace_items(&mut self, text: &str, old: &[Part], new: &[String]) {
        let Some(first) = old.first() else { return };
        let line = line_start(text, first.place.start);
        let [one, more @ ..] = new else {
            for part in old {
                self.remove(text, part.place);
            }
            return;
        };
        self.0.push((first.place.range(), one.clone()));
        for part in &old[1..] {
            self.remove(text, part.place);
        }
        if !more.is_empty() {
            let at = line_end(text, first.place.end);
            let indent = indent(&text[line..]);
            let is_continued = !text[line..].trim_start().starts_with(['<', '>', '+', '@']);
            let blanks = if is_continued { "" } else { "  " };
            let lines: Vec<String> = more.iter().map(|items| format!("\n{indent}{blanks}{items}")).collect();
            self.0.push((at..at, lines.concat()));
        }
    }

    /// Removes an item with the blanks before it, and its line if nothing is left in it.
    fn remove(&mut self, text: &str, place: Place) {
        let line = line_start(text, place.start);
        let blanks = text[line..place.start].trim_end_matches([' ', '\t']);
        self.0.push((line + blanks.len()..place.end, String::new()));
    }

    /// The text with these changes, which have the line ends of its first line, and the lines of it that have changed,
    /// from 1 on.
    pub(crate) fn apply(&self, text: &str) -> (String, Vec<usize>) {
        let mut edits = self.0.clone();
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let ends_with_cr = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let (mut changed, mut lines, mut at): (String, Vec<usize>, usize) = (String::new(), Vec::new(), 0);
        // Which line of the text with the changes comes next.
        let mut line = 1;
        for (range, new) in edits {
            changed.push_str(&text[at..range.start]);
            line += text[at..range.start].matches('\n').count();
            let first = line + usize::from(new.starts_with('\n'));
            changed.push_str(&if ends_with_cr { new.replace('\n', "\r\n") } else { new.clone() });
            line += new.matches('\n').count();
            let last = line - usize::from(new.ends_with('\n'));
            lines.extend(first..=last);
            at = range.end;
            // A line of which nothing is left goes too.
            let line_end = ["\n", "\r\n"].into_iter().find(|end| text[at..].starts_with(end));
            if let Some(line_end) = line_end
                && new.is_empty()
                && changed.ends_with('\n')
            {
                at += line_end.len();
            }
        }
        changed.push_str(&text[at..]);
        lines.dedup();
        // A line that has been removed is one of the text before.
        let count = changed.lines().count();
        lines.retain(|line| *line <= count);
        (changed, lines)
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(mark_length(text), |end| end + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let line = text[at..].split('\n').next().unwrap_or_default();
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
