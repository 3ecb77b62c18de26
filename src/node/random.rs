//! Masking keys from the operating system's random source.

/// RFC 6455 §5.3: "The masking key needs to be unpredictable". Keys are drawn from the system in
/// blocks, and each is used once.
pub struct MaskKeys {
    block: [u8; 1024],
    /// Where the next key starts. INVARIANT: at % 4 == 0 && at <= block.len()
    at: usize,
}

impl MaskKeys {
    pub fn new() -> Self {
        let block = [0; 1024];
        let at = block.len();
        Self { block, at }
    }

    /// A fresh key.
    pub fn draw(&mut self) -> Result<[u8; 4], getrandom::Error> {
        if self.at == self.block.len() {
            getrandom::fill(&mut self.block)?;
            self.at = 0;
        }
        let key = &mut self.block[self.at..self.at + 4];
        self.at += 4;
        let fresh = [key[0], key[1], key[2], key[3]];
        // A key that has been used is nobody's business any more.
        key.fill(0);
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_drawn_once() {
        let mut keys = MaskKeys::new();
        let mut seen: Vec<_> = (0..1024).map(|_| keys.draw().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        // Four random bytes a key: a repetition among 1,024 has odds of 1 in 8,000, two are out.
        assert!(seen.len() >= 1022);
    }
}
