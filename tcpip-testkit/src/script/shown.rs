//! How much is shown of what may be of any size.

use std::ops::Range;

use super::notation;

/// How many characters of a line are shown.
pub(crate) const LONGEST_LINE: usize = 200;
/// How many lines of a transcript are shown, and how many bytes of them.
pub(crate) const MOST_LINES: usize = 40;
const MOST_BYTES: usize = 4 << 10;
/// How many bytes are shown before the one that matters, and from it on.
const BYTES_BEFORE: usize = 512;
const BYTES_BEHIND: usize = 64;

/// Returns at most so many characters of a line, those around the one at `at`, with `…` in place of the others; and
/// where that one is in it.
pub(crate) fn around(line: &str, at: usize, most: usize) -> (String, usize) {
    let count = line.chars().count();
    if count <= most {
        return (line.to_owned(), at);
    }
    let start = at.saturating_sub(most / 2).min(count - most);
    let before = if start > 0 { "…" } else { "" };
    let behind = if start + most < count { "…" } else { "" };
    let shown: String = line.chars().skip(start).take(most).collect();
    (format!("{before}{shown}{behind}"), at - start + before.chars().count())
}

/// Returns the last lines of a transcript. What is left out is told in a comment.
pub(crate) fn last_lines(transcript: &str) -> String {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in transcript.lines().rev().take(MOST_LINES) {
        let (line, _) = around(line, 0, LONGEST_LINE);
        bytes += line.len() + 1;
        if bytes > MOST_BYTES {
            break;
        }
        lines.push(line);
    }
    let left_out = transcript.lines().count() - lines.len();
    if left_out > 0 {
        lines.push(format!("# {left_out} lines before this are not shown"));
    }
    lines.reverse();
    lines.join("\n")
}

/// Returns the bytes around the one at `at`, as items of a script. What is left out is told in a comment.
pub(crate) fn bytes(bytes: &[u8], at: usize) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let shown = range(bytes, at);
    let left_out = match (shown.start, bytes.len() - shown.end) {
        (0, 0) => String::new(),
        (0, behind) => format!("  # and {behind} bytes more"),
        (before, 0) => format!("  # behind {before} bytes"),
        (before, behind) => format!("  # behind {before} bytes, and {behind} bytes more"),
    };
    notation::items(&bytes[shown]) + &left_out
}

/// What is shown of bytes of which the one at `at` matters. They are not cut within a character.
fn range(bytes: &[u8], at: usize) -> Range<usize> {
    let at = at.min(bytes.len());
    let boundary = |at: usize| {
        let is_boundary = |at: &usize| bytes.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
        (at.saturating_sub(3)..=at).rev().find(is_boundary).unwrap_or(at)
    };
    boundary(at.saturating_sub(BYTES_BEFORE))..boundary(bytes.len().min(at + BYTES_BEHIND))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is short is shown as it is; of what is long, the place that matters is there, and where is known.
    #[test]
    fn the_place_that_matters_is_shown() {
        assert_eq!(around("äbc", 3, 3), ("äbc".to_owned(), 3));
        let line: String = ('a'..='z').collect();
        for (at, expected) in [(0, "abcdef…"), (3, "abcdef…"), (4, "…bcdefg…"), (23, "…uvwxyz"), (26, "…uvwxyz")]
        {
            let (shown, place) = around(&line, at, 6);
            assert_eq!(shown, expected);
            assert_eq!(shown.chars().nth(place), line.chars().nth(at), "{at}");
        }
    }

    /// The last lines of a transcript are whole, unless one is too long by itself.
    #[test]
    fn the_last_lines_are_shown() {
        assert_eq!(last_lines("script 1\n> \"a\"\n"), "script 1\n> \"a\"");
        let many: Vec<String> = (1..=100).map(|line| format!("> \"{line}\"")).collect();
        let expected = format!("# 60 lines before this are not shown\n{}", many[60..].join("\n"));
        assert_eq!(last_lines(&many.join("\n")), expected);
        let long = vec![format!("> \"{}\"", "é".repeat(100)); 40].join("\n");
        let shown = last_lines(&long);
        assert!(shown.starts_with("# 21 lines before this are not shown\n> \"éé") && shown.ends_with("é\""), "{shown}");
        let giant = format!("> {}\n", "é".repeat(1 << 20));
        assert_eq!(last_lines(&giant), format!("> {}…", "é".repeat(198)));
    }
}
