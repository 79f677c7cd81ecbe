//! Takes a status apart, line by line.

use std::{str::FromStr, time::Duration};

use crate::status_error::StatusError;

/// How much of a wrong line an error shows, in characters.
const SHOWN: usize = 60;

/// The lines of a status that are still to be read.
pub(crate) struct Lines<'a> {
    lines: &'a [String],
    next: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(lines: &'a [String], expected: usize) -> Result<Self, StatusError> {
        if lines.len() == expected {
            Ok(Self { lines, next: 0 })
        } else {
            Err(StatusError::LineCount { expected, found: lines.len() })
        }
    }

    /// Reads the next line; `parse` gives nothing for a line that is not like `example`.
    pub(crate) fn next<T>(
        &mut self,
        example: &'static str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StatusError> {
        let line = self.lines.get(self.next).map_or("", String::as_str);
        self.next += 1;
        parse(line).ok_or_else(|| StatusError::Line {
            number: self.next,
            example,
            found: line.chars().take(SHOWN).collect(),
        })
    }

    /// Reads the next line, which has the label of the example, a colon and a value.
    pub(crate) fn next_value<T>(
        &mut self,
        example: &'static str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StatusError> {
        let label = example.split_once(':').map_or(example, |(label, _)| label);
        self.next(example, |line| parse(line.strip_prefix(label)?.strip_prefix(": ")?.trim_start_matches(' ')))
    }
}

/// A number that is one: neither `NaN` nor infinite.
pub(crate) fn number(text: &str) -> Option<f64> {
    f64::from_str(text).ok().filter(|number| number.is_finite())
}

/// A whole number, not negative.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whole seconds.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    count(text).map(Duration::from_secs)
}

/// `1` or `0`.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lines, count, flag, number, seconds};
    use crate::status_error::StatusError;

    /// Only what is surely the value is taken for it.
    #[test]
    fn values_are_read_strictly() {
        assert_eq!(
            ["285.00", "5", "NaN", "inf", "", "1,5"].map(number),
            [Some(285.0), Some(5.0), None, None, None, None]
        );
        assert_eq!(["118449181478", "-1", "+1", "", "1.0"].map(count), [Some(118_449_181_478), None, None, None, None]);
        assert_eq!(["120", "-1"].map(seconds), [Some(Duration::from_mins(2)), None]);
        assert_eq!(["0", "1", "2", "True"].map(flag), [Some(false), Some(true), None, None]);
    }

    /// The error names the line, gives an example and shows a bounded part of what came.
    #[test]
    fn a_wrong_line_is_named_and_shown_in_part() {
        let lines = ["Reverse Delay: 4".to_owned(), "x".repeat(10_000)];
        let mut lines = Lines::new(&lines, 2).unwrap();
        assert_eq!(lines.next_value("Reverse Delay: 4", count), Ok(4));
        let error = lines.next_value("Dropout Timer: 5", count).unwrap_err();
        let expected = StatusError::Line { number: 2, example: "Dropout Timer: 5", found: "x".repeat(60) };
        assert_eq!(error, expected);
        assert!(error.to_string().starts_with("line 2 of the status does not read like \"Dropout Timer: 5\": \"xxx"));
    }
}
