//! Scripts within Markdown.

use std::ops::Range;

use super::syntax;

/// A block that is fenced as `tcpip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block<'t> {
    pub(crate) name: Option<&'t str>,
    /// Where its text is.
    pub(crate) range: Range<usize>,
}

/// The blocks of this text that are fenced as `tcpip`.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut at = syntax::mark_length(text);
    let mut fence: Option<Fence<'_>> = None;
    for line in text[at..].split_inclusive('\n') {
        let start = at;
        at += line.len();
        match fence {
            None => fence = Fence::open(line, at),
            Some(open) if open.is_closed_by(line) => {
                blocks.extend(open.block(start));
                fence = None;
            }
            Some(_) => {}
        }
    }
    // As in Markdown, the end of the file closes a block too.
    blocks.extend(fence.and_then(|open| open.block(text.len())));
    blocks
}

#[derive(Clone, Copy)]
struct Fence<'t> {
    sign: char,
    length: usize,
    info: &'t str,
    /// Where its text begins.
    start: usize,
}

impl<'t> Fence<'t> {
    fn open(line: &'t str, start: usize) -> Option<Self> {
        let line = line.trim();
        let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let info = line.trim_start_matches(sign);
        let length = line.len() - info.len();
        (length >= 3 && !(sign == '`' && info.contains('`'))).then_some(Self { sign, length, info, start })
    }

    fn is_closed_by(self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|sign| sign == self.sign)
    }

    /// The block that ends there, if it is a script.
    fn block(self, end: usize) -> Option<Block<'t>> {
        let mut words = self.info.split_whitespace();
        let (kind, name, more) = (words.next(), words.next(), words.next());
        (kind == Some("tcpip") && more.is_none()).then_some(Block { name, range: self.start..end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks are found with their names, whatever else is fenced.
    #[test]
    fn blocks_are_found_with_their_names() {
        let text = [
            "# Dome\n```tcpip\n> \"a\"\n```\n",
            "````md\n```tcpip late\nnot this\n```\n````\n",
            "  ~~~ tcpip late  \n> \"b\"\n```\n  ~~~~\n",
            "```tcpip open\n> \"c\"\n",
        ];
        let text = &text.concat();
        let found: Vec<_> = blocks(text).into_iter().map(|block| (block.name, &text[block.range])).collect();
        let expected = [(None, "> \"a\"\n"), (Some("late"), "> \"b\"\n```\n"), (Some("open"), "> \"c\"\n")];
        assert_eq!(found, expected);
        let marked = "\u{feff}```tcpip\n> \"a\"\n```\n";
        assert_eq!(blocks(marked), [Block { name: None, range: 12..18 }]);
    }
}
