//! Scripts within Markdown.

use std::ops::Range;

/// Where the text of the block is that is fenced as `tcpip` with this name.
pub(crate) fn find(text: &str, name: &str) -> Option<Range<usize>> {
    let mut at = 0;
    let mut fence: Option<Fence> = None;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        match fence {
            None => fence = Fence::open(line, name, at),
            Some(open) if open.is_closed_by(line) => {
                if open.is_sought {
                    return Some(open.start..start);
                }
                fence = None;
            }
            Some(_) => {}
        }
    }
    // As in Markdown, the end of the file closes a block too.
    fence.filter(|open| open.is_sought).map(|open| open.start..text.len())
}

#[derive(Clone, Copy)]
struct Fence {
    sign: char,
    length: usize,
    /// Where its text begins.
    start: usize,
    is_sought: bool,
}

impl Fence {
    fn open(line: &str, name: &str, start: usize) -> Option<Self> {
        let line = line.trim();
        let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let info = line.trim_start_matches(sign);
        let length = line.len() - info.len();
        let is_sought = info.split_whitespace().eq(["tcpip", name]);
        (length >= 3 && !(sign == '`' && info.contains('`'))).then_some(Self { sign, length, start, is_sought })
    }

    fn is_closed_by(self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|sign| sign == self.sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block is found by its name, whatever else is fenced.
    #[test]
    fn a_block_is_found_by_its_name() {
        let text = [
            "# Dome\n```tcpip\n> \"a\"\n```\n",
            "````md\n```tcpip late\nnot this\n```\n````\n",
            "  ~~~ tcpip late  \n> \"b\"\n```\n  ~~~~\n",
            "```tcpip open\n> \"c\"\n",
        ];
        let text = &text.concat();
        assert_eq!(&text[find(text, "late").unwrap()], "> \"b\"\n```\n");
        assert_eq!(&text[find(text, "open").unwrap()], "> \"c\"\n");
        assert_eq!(find(text, "other"), None);
    }
}
