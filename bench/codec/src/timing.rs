//! Time a frame, of several contenders in turn.

use std::time::{Duration, Instant};

use crate::Pass;

/// How long one measurement takes, about.
const SPAN: Duration = Duration::from_millis(20);

/// Nanoseconds a frame for each of `passes`, a number for each round. Every other round goes
/// through them backwards, so that none is always behind the same one.
pub fn interleaved(passes: &mut [Pass], frames: u64, rounds: usize) -> Vec<Vec<f64>> {
    let counts: Vec<u64> = passes
        .iter_mut()
        .map(|pass| calibrate(pass, frames))
        .collect();
    let mut times = vec![Vec::new(); passes.len()];
    for round in 0..rounds {
        for turn in 0..passes.len() {
            let at = if round % 2 == 0 {
                turn
            } else {
                passes.len() - 1 - turn
            };
            let elapsed = time(&mut passes[at], counts[at]);
            times[at].push(elapsed.as_nanos() as f64 / counts[at] as f64);
        }
    }
    times
}

/// How many frames take about [`SPAN`]: a multiple of `frames`. Warms up, too.
fn calibrate(pass: &mut Pass, frames: u64) -> u64 {
    let mut count = frames;
    loop {
        let elapsed = time(pass, count);
        if elapsed * 2 > SPAN {
            let ratio = SPAN.as_secs_f64() / elapsed.as_secs_f64();
            return ((count / frames) as f64 * ratio).ceil().max(1.0) as u64 * frames;
        }
        count *= 2;
    }
}

fn time(pass: &mut Pass, frames: u64) -> Duration {
    let started = Instant::now();
    pass(frames);
    started.elapsed()
}
