//! What is shown of two texts that differ.

use std::{
    fmt::{self, Write as _},
    ops::Range,
};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use crate::script::shown::{self, LONGEST_LINE, MOST_LINES};

/// How many lines that are the same are shown before a difference.
const CONTEXT: usize = 3;
/// How many lines of each text are compared, from the first difference on.
const COMPARED: usize = 1000;
/// How many lines in a row are shown of those that only one of the texts has.
const SHOWN_AT_ONCE: usize = 10;

/// Returns the first differences of two texts, line by line, and a few lines before each. What is left out is said.
pub(super) fn difference(expected: &str, passed: &str) -> String {
    let (expected, passed): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), passed.lines().collect());
    let same = expected.iter().zip(&passed).take_while(|(expected, passed)| expected == passed).count();
    let from = same.saturating_sub(CONTEXT);
    let compared = |lines: usize| from..lines.min(from + COMPARED);
    let (expected_range, passed_range) = (compared(expected.len()), compared(passed.len()));
    let mut left_out = expected.len() - expected_range.end + passed.len() - passed_range.end;
    let mut ops = capture_diff_slices(Algorithm::Myers, &expected[expected_range], &passed[passed_range]);
    // Where they are cut, they differ in any case.
    if left_out > 0
        && ops.len() > 2
        && let Some(last) = ops.pop_if(|last| last.tag() != DiffTag::Equal)
    {
        left_out += last.old_range().len() + last.new_range().len();
    }
    let differing = [&expected, &passed].map(|lines| lines.get(same).copied().unwrap_or_default());
    let [one, other] = differing.map(str::chars);
    let column = one.zip(other).take_while(|(one, other)| one == other).count();
    let mut shown = Shown { expected, passed, from, same, column, text: String::new(), lines: 0, left_out };
    for hunk in group_diff_ops(ops, CONTEXT) {
        shown.hunk(&hunk);
    }
    if shown.left_out > 0 {
        let _ = writeln!(shown.text, "# and {} lines more", shown.left_out);
    }
    shown.text
}

/// The differences that are shown, as they become a text.
struct Shown<'t> {
    expected: Vec<&'t str>,
    passed: Vec<&'t str>,
    /// The first line that is compared, and the first that differs.
    from: usize,
    same: usize,
    /// The first character of it that differs.
    column: usize,
    text: String,
    lines: usize,
    left_out: usize,
}

impl Shown<'_> {
    fn hunk(&mut self, ops: &[DiffOp]) {
        let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
        let expected = self.from + first.old_range().start..self.from + last.old_range().end;
        let passed = self.from + first.new_range().start..self.from + last.new_range().end;
        if self.lines < MOST_LINES {
            let _ = writeln!(self.text, "@@ -{} +{} @@", Lines(expected), Lines(passed));
        }
        for op in ops {
            let (expected, passed) = (op.old_range(), op.new_range());
            match op.tag() {
                DiffTag::Equal if self.lines < MOST_LINES => self.run(' ', expected),
                DiffTag::Equal => {}
                _ if self.lines < MOST_LINES => {
                    self.run('-', expected);
                    self.run('+', passed);
                }
                _ => self.left_out += expected.len() + passed.len(),
            }
        }
    }

    /// Lines in a row of one of the texts.
    fn run(&mut self, sign: char, range: Range<usize>) {
        let lines = if sign == '+' { &self.passed } else { &self.expected };
        let range = self.from + range.start..self.from + range.end;
        for at in range.clone().take(SHOWN_AT_ONCE) {
            let column = if at == self.same { self.column } else { 0 };
            let (line, _) = shown::around(lines[at], column, LONGEST_LINE);
            let _ = writeln!(self.text, "{sign}{line}");
        }
        self.lines += range.len().min(SHOWN_AT_ONCE);
        if range.len() > SHOWN_AT_ONCE {
            let _ = writeln!(self.text, "{sign}# and {} lines more", range.len() - SHOWN_AT_ONCE);
        }
    }
}

/// Lines of a text, as a difference has them in its head.
struct Lines(Range<usize>);

impl fmt::Display for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            // Behind that line.
            0 => write!(formatter, "{},0", self.0.start),
            1 => write!(formatter, "{}", self.0.start + 1),
            count => write!(formatter, "{},{count}", self.0.start + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(range: Range<usize>) -> String {
        range.map(|line| format!("> \"{line}\"\n")).collect::<Vec<_>>().concat()
    }

    /// The first difference is shown however far it is from the beginning, and what is left out is said.
    #[test]
    fn the_first_difference_is_shown() {
        let before = numbered(0..5000);
        assert_eq!(difference(&before, &before), "");
        let expected = format!("{before}< \"a\"\n< \"b\"\n");
        let passed = format!("{before}< \"c\"\n< \"b\"\n");
        let shown = r#"@@ -4998,5 +4998,5 @@
 > "4997"
 > "4998"
 > "4999"
-< "a"
+< "c"
 < "b"
"#;
        assert_eq!(difference(&expected, &passed), shown);
        let shown = "@@ -4998,4 +4998,3 @@\n > \"4997\"\n > \"4998\"\n > \"4999\"\n-< fin\n";
        assert_eq!(difference(&format!("{before}< fin\n"), &before), shown);
    }

    /// However much differs, a few lines of each text are shown.
    #[test]
    fn much_that_differs_is_not_all_shown() {
        let (expected, passed) = (numbered(0..100_000), numbered(100_000..300_000));
        let shown = difference(&expected, &passed);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 1 + 2 * 11 + 1, "{shown}");
        assert_eq!(lines[1], "-> \"0\"");
        assert_eq!(lines[10..13], ["-> \"9\"", "-# and 990 lines more", "+> \"100000\""]);
        assert_eq!(lines[22..], ["+# and 990 lines more", "# and 298000 lines more"]);

        // A line in many is another one.
        let passed = (0..100_000).map(|line| if line % 50 == 7 { "x\n".to_owned() } else { numbered(line..line + 1) });
        let shown = difference(&expected, &passed.collect::<String>());
        assert!(
            shown.starts_with("@@ -5,7 +5,7 @@\n > \"4\"\n > \"5\"\n > \"6\"\n-> \"7\"\n+x\n > \"8\"\n"),
            "{shown}"
        );
        assert!(shown.lines().count() < 60, "{shown}");
        let (_, last) = shown.trim_end().rsplit_once('\n').unwrap();
        assert!(last.starts_with("# and 198") && last.ends_with(" lines more"), "{shown}");
    }

    /// Differences with few lines between them are not all shown either.
    #[test]
    fn many_differences_are_not_all_shown() {
        let passed: Vec<String> = (0..900).map(|line| numbered(line..line + 1).replace("0\"", "x\"")).collect();
        let shown = difference(&numbered(0..900), &passed.concat());
        assert!((40..60).contains(&shown.lines().count()), "{shown}");
        assert!(shown.ends_with(" > \"49\"\n# and 170 lines more\n"), "{shown}");
        let every_fifth: Vec<String> = (0..900).map(|line| numbered(line - line % 5..line - line % 5 + 1)).collect();
        let shown = difference(&numbered(0..900), &every_fifth.concat());
        assert!((40..60).contains(&shown.lines().count()), "{shown}");
    }

    /// What is behind the last line that is compared is no difference.
    #[test]
    fn where_the_texts_are_cut_is_no_difference() {
        let expected = numbered(0..2000);
        let shown = difference(&expected, &format!("< \"more\"\n{expected}"));
        assert_eq!(shown, "@@ -1,3 +1,4 @@\n+< \"more\"\n > \"0\"\n > \"1\"\n > \"2\"\n# and 2002 lines more\n");
    }

    /// Of a long line, what differs is shown.
    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let line = |character: char| format!("< \"{}{character}{}\" LF\n", "é".repeat(5000), "z".repeat(1 << 20));
        let shown = difference(&line('a'), &line('b'));
        let part = |sign, character| format!("{sign}…{}{character}{}…\n", "é".repeat(100), "z".repeat(99));
        assert_eq!(shown, format!("@@ -1 +1 @@\n{}{}", part('-', 'a'), part('+', 'b')));
    }
}
