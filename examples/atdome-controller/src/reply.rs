//! What the dome sends, up to and including a prompt.

/// What ends the greeting and every reply.
pub(crate) const PROMPT: &[u8] = b">";

/// The line that greets every client.
pub(crate) const TITLE: &str = "ACE Main Box";

/// The lines before the prompt; nothing when the last of them has no end, or is no text.
pub(crate) fn lines(reply: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(reply.strip_suffix(PROMPT)?).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let lines = text.strip_suffix('\n')?.split('\n');
    Some(lines.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::lines;

    /// Lines are ended, the prompt is not.
    #[test]
    fn a_reply_is_ended_lines_and_a_prompt() {
        assert_eq!(lines(b">"), Some(vec![]));
        assert_eq!(lines(b"one\n>"), Some(vec!["one".to_owned()]));
        assert_eq!(lines(b"one\n\ntwo\n>"), Some(vec!["one".to_owned(), String::new(), "two".to_owned()]));
        assert_eq!(lines(b"\n>"), Some(vec![String::new()]));
    }

    /// What is not framed so is no reply.
    #[test]
    fn other_bytes_are_no_reply() {
        for bytes in [b"one\n".as_slice(), b"one>", b"", b"\xff\n>"] {
            assert_eq!(lines(bytes), None, "{bytes:?}");
        }
    }
}
