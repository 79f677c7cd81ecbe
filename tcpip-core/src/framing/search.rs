//! Where a frame ends.

use memchr::{memchr, memmem};

/// The longest separator that is found by its last byte. A longer one would cost too much where that byte is common.
const SHORT: usize = 8;

/// Where the first `separator` ends that begins in `bytes` at `from` or behind it.
#[inline]
#[must_use]
pub fn find_end(bytes: &[u8], from: usize, separator: &[u8]) -> Option<usize> {
    match *separator {
        [last] => Some(from + memchr(last, bytes.get(from..)?)? + 1),
        [first, last] => {
            let mut at = from + 1;
            loop {
                at += memchr(last, bytes.get(at..)?)? + 1;
                if bytes.get(at - 2) == Some(&first) {
                    return Some(at);
                }
            }
        }
        _ => find_long_end(bytes, from, separator),
    }
}

fn find_long_end(bytes: &[u8], from: usize, separator: &[u8]) -> Option<usize> {
    let (&last, before) = separator.split_last()?;
    if separator.len() > SHORT {
        return memmem::find(bytes.get(from..)?, separator).map(|start| from + start + separator.len());
    }
    let mut at = from + before.len();
    loop {
        let end = at + memchr(last, bytes.get(at..)?)?;
        if bytes[..end].ends_with(before) {
            return Some(end + 1);
        }
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Short and long separators are found where a search for each position finds them.
        #[test]
        fn the_first_separator_is_found(
            bytes in prop::collection::vec(0_u8..2, 0..40),
            from in 0_usize..42,
            separator in prop::collection::vec(0_u8..2, 1..12),
        ) {
            let found = (from..bytes.len()).find(|&start| bytes[start..].starts_with(&separator));
            prop_assert_eq!(find_end(&bytes, from, &separator), found.map(|start| start + separator.len()));
        }
    }
}
