//! How the memory of a message in progress grows.

/// No assembly grows by more than to twice what has arrived from here on.
const LEAP: usize = 16 << 20;
/// This much may be asked for however little has arrived.
const LEAST: usize = 256;

/// Bytes to allocate for a message of which `arrived` bytes are here and at most `limit` can come;
/// `total` is its length, once its last frame has declared it. Never more than sixteen times what
/// is here (twice, from 16 MiB on), or `LEAST`: a declared length alone costs nothing.
///
/// Up to 16 MiB, a declared message is copied at most once, and no more than an eighth of it.
pub fn capacity(arrived: usize, total: Option<u64>, limit: u64) -> usize {
    let twice = arrived.saturating_mul(2);
    let allowed = twice.max(arrived.saturating_mul(16).min(LEAP)).max(LEAST);
    let most = total.unwrap_or(limit).try_into().unwrap_or(usize::MAX);
    match total {
        // The next time it is asked for, all of it is allowed.
        Some(_) if most > allowed && most <= LEAP => allowed.min(twice.max(most.div_ceil(16))),
        _ => allowed.min(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The capacities of a message that arrives in chunks of 64 KiB, and the bytes that were
    /// copied.
    fn growth(total: usize, is_known: bool) -> (Vec<usize>, usize) {
        let (mut capacities, mut copied, mut arrived) = (vec![0], 0, 0);
        while arrived < total {
            let end = total.min(arrived + 0xffff);
            let last = *capacities.last().unwrap();
            if end > last {
                let known = is_known.then_some(total as u64);
                capacities.push(capacity(end, known, 1 << 30));
                copied += arrived;
            }
            arrived = end;
        }
        (capacities.split_off(1), copied)
    }

    #[test]
    fn a_declared_message_is_copied_at_most_once() {
        for total in [
            70_000,
            0xf_fff0,
            1 << 20,
            (1 << 20) + 1,
            3_000_001,
            16 << 20,
        ] {
            let (capacities, copied) = growth(total, true);
            assert_eq!(capacities.last(), Some(&total), "the message's own size");
            assert!(capacities.len() <= 2, "{total}: {capacities:?}");
            assert!(copied <= total / 8, "{total}: {copied} copied");
        }
    }

    #[test]
    fn a_message_of_unknown_length_is_copied_less_than_twice() {
        let (capacities, copied) = growth(40 << 20, false);
        assert!(capacities.len() <= 4, "{capacities:?}");
        assert!(copied <= 80 << 20);
    }

    #[test]
    fn nothing_is_allocated_for_what_has_not_arrived() {
        for arrived in [1, 16, 1000, 70_000, 1 << 20, 20 << 20] {
            for total in [Some(1 << 14), Some(1 << 24), Some(1 << 40), None] {
                if total.is_some_and(|total| total < arrived as u64) {
                    continue;
                }
                let bytes = capacity(arrived, total, 1 << 40);
                assert!(bytes >= arrived && bytes <= LEAST.max(16 * arrived));
                assert!(bytes <= LEAP || bytes <= 2 * arrived);
            }
        }
    }

    #[test]
    fn no_more_than_the_message_or_the_limit() {
        assert_eq!(capacity(10, Some(20), 1000), 20);
        assert_eq!(capacity(900, None, 1000), 1000);
        assert_eq!(capacity(usize::MAX, None, u64::MAX), usize::MAX);
    }
}
