//! The codec alone, over frames in memory: no socket, no runtime, no JavaScript.
//!
//! ```text
//! ws13-bench-codec list                  what can be run: a case, a contender, frames a chunk
//! ws13-bench-codec run CASE WHO FRAMES   passes so many frames and prints nothing: for callgrind
//! ws13-bench-codec time ROUNDS           nanoseconds a frame, a line of JSON for each of the list
//! ws13-bench-codec kernels ROUNDS        nanoseconds a run, a line of JSON for each kernel and size
//! ```

mod cases;
#[cfg(feature = "peers")]
mod fastwebsockets;
mod kernels;
mod ours;
mod stream;
mod timing;
#[cfg(feature = "peers")]
mod tungstenite;

use std::process::ExitCode;

use cases::{Case, Direction};

/// Passes a number of frames through a codec.
type Pass = Box<dyn FnMut(u64)>;

/// A codec: its name, and what makes a [`Pass`] of it for a case.
type Contender = (&'static str, fn(&Case) -> Pass);

/// `lent` is ours without the read: a chunk is a frame, and is where a read has put it.
const CONTENDERS: &[Contender] = &[
    ("ours", ours::pass),
    ("lent", ours::lent_pass),
    #[cfg(feature = "peers")]
    ("fastwebsockets", fastwebsockets::pass),
    #[cfg(feature = "peers")]
    ("tungstenite", tungstenite::pass),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["list"] => {
            list();
            Some(())
        }
        ["run", case, who, frames] => run(case, who, frames),
        ["time", rounds] => rounds.parse().ok().map(time),
        ["kernels", rounds] => rounds.parse().ok().map(kernels::print),
        _ => None,
    };
    if done.is_none() {
        eprintln!("usage: list | run CASE WHO FRAMES | time ROUNDS | kernels ROUNDS");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Those that take part in a case: a sender reads nothing.
fn contenders(case: &Case) -> impl Iterator<Item = &'static Contender> {
    let reads = case.direction == Direction::Receive;
    CONTENDERS
        .iter()
        .filter(move |(who, _)| reads || *who != "lent")
}

fn list() {
    for case in cases::all() {
        for (who, _) in contenders(&case) {
            println!("{} {who} {}", case.name(), case.frames());
        }
    }
}

fn run(case: &str, who: &str, frames: &str) -> Option<()> {
    let case = cases::all()
        .into_iter()
        .find(|known| known.name() == case)?;
    let (_, make) = contenders(&case).find(|(name, _)| *name == who)?;
    make(&case)(frames.parse().ok()?);
    Some(())
}

fn time(rounds: usize) {
    for case in cases::all() {
        let mut passes: Vec<Pass> = contenders(&case).map(|(_, make)| make(&case)).collect();
        let times = timing::interleaved(&mut passes, case.frames(), rounds);
        for ((who, _), times) in contenders(&case).zip(times) {
            println!(
                r#"{{"case":"{}","who":"{who}","ns":{times:?}}}"#,
                case.name()
            );
        }
    }
}
