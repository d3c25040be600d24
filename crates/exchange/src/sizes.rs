//! RFC822.SIZE before a message's rendering is known.

use idmap::Estimated;

use crate::settings::SizePolicy;

/// A size that is not below what the message's rendering will have.
///
/// `item_size` is PidTagMessageSize (0x0E08): everything Exchange stores for the item, which is not the length of
/// any MIME. What grows most on its way into MIME is text: a Chinese character is two bytes as Exchange stores it and
/// nine in quoted-printable, soft line ends apart. A message that holds more than a megabyte holds attachments, and of
/// those nothing grows more than threefold (base64 with its line ends 1.37). Headers that come from short properties,
/// and the boundaries and part headers of the rendering, are covered by the fixed part.
pub(crate) fn estimate(item_size: u64) -> u64 {
    let text = item_size.min(MOST_TEXT);
    item_size.saturating_mul(3).saturating_add(item_size / 10).saturating_add(text * 2).saturating_add(16 * 1024)
}

/// The size to tell, if it can be told without fetching the message.
pub(crate) fn known(policy: SizePolicy, exact: Option<u64>, item_size: u64) -> Option<u64> {
    match (exact, policy) {
        (Some(exact), _) => Some(exact),
        (None, SizePolicy::Auto) => Some(estimate(item_size)),
        (None, SizePolicy::Exact) => None,
    }
}

/// A size of a whole folder that is not below the sum of those of its messages (RFC 8438 section 2). `counted` is the sum
/// of their exact sizes and, of those without, of their item:Size.
pub(crate) fn of_all(counted: u64, estimated: Estimated) -> u64 {
    let Estimated { messages, size } = estimated;
    let text = size.min(MOST_TEXT.saturating_mul(messages.into()));
    let told = size.saturating_mul(3).saturating_add(size / 10).saturating_add(text.saturating_mul(2));
    let told = told.saturating_add(u64::from(messages) * 16 * 1024);
    counted.saturating_sub(size).saturating_add(told)
}

const MOST_TEXT: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_cover_the_worst_encodings() {
        for size in [0_u64, 1, 1000, 1 << 20, 100 << 20, u64::MAX] {
            assert!(estimate(size) >= size.saturating_mul(3), "{size}");
        }
        assert!(estimate(100) >= 16 * 1024);
        // 30,000 Chinese characters in quoted-printable, with a soft line end after every 73 octets.
        assert!(estimate(60_000) >= 30_000 * 9 * 76 / 73);
    }

    #[test]
    fn a_folder_is_not_below_its_messages() {
        for sizes in [&[][..], &[5], &[1000, 7, 99, 3], &[1 << 20, 5 << 20, 1], &[100 << 20; 50]] {
            let estimated = Estimated { messages: u32::try_from(sizes.len()).unwrap(), size: sizes.iter().sum() };
            let all = of_all(4711 + estimated.size, estimated);
            let sum = 4711 + sizes.iter().map(|size| estimate(*size)).sum::<u64>();
            assert!(sum <= all && all <= sum + 2 * MOST_TEXT, "{sizes:?}: {sum} {all}");
        }
        assert_eq!(of_all(4711, Estimated::default()), 4711);
    }

    #[test]
    fn the_exact_size_wins() {
        assert_eq!(known(SizePolicy::Auto, Some(5), 100), Some(5));
        assert_eq!(known(SizePolicy::Exact, Some(5), 100), Some(5));
        assert_eq!(known(SizePolicy::Auto, None, 100), Some(estimate(100)));
        assert_eq!(known(SizePolicy::Exact, None, 100), None);
    }
}
