//! The C library's heap, where V8 puts the memory of buffers.
//!
//! glibc hands the end of its heap back to the kernel as soon as enough of it is free, and the next
//! message pays for every page of it again. How much is enough, glibc learns from the program:
//! twice the largest block that was ever mapped by itself and freed (mallopt(3), `M_MMAP_THRESHOLD`
//! and `M_TRIM_THRESHOLD`). It does not learn that V8 frees messages by the dozen, when 8 to 64 MiB
//! of them are dead.

use std::hint::black_box;
use std::sync::Once;

/// Memory for a message from here on, in bytes, shows that a program is about large ones: glibc
/// maps each such block by itself at first.
const LARGE: usize = 128 << 10;
/// What glibc is to learn from. The end of the heap stays up to twice of this, 48 MiB.
const BLOCK: usize = 24 << 20;

static TAUGHT: Once = Once::new();

/// Takes note that a message needs `size` bytes. The first large one of the process teaches glibc
/// to keep what V8 frees at a time. Whoever has set the thresholds, in the environment or by
/// `mallopt`, has the last word: it does not learn then.
pub fn expect(size: usize) {
    if size >= LARGE {
        teach();
    }
}

/// Has glibc learn, once.
fn teach() {
    TAUGHT.call_once(|| {
        let mut block = Vec::<u8>::new();
        // Nothing is written to it, so it takes no memory. Where there is no room for it, all stays
        // as it was; so it does with other allocators.
        let _ = block.try_reserve_exact(BLOCK);
        drop(black_box(block));
    });
}
