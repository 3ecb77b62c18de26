//! Raw load for the benchmark: N connections, K messages in flight on each.
//!
//! The frames are built before the first byte is sent, and what arrives is counted by its headers,
//! so what this process does for a message is a `read` and a `write`. It speaks lines of JSON with
//! the runner:
//!
//! 1. connect, warm up, print `{"ready":true}`; a sink prints `{"port":…}` before it;
//! 2. wait for a line, do what is measured, print what was done;
//! 3. keep the connections open until standard input ends.
//!
//! Between 1 and 2, and between 2 and 3, nothing is in flight, so the runner can read the
//! server's CPU time at a mark that belongs to neither side of it.

mod compress;
mod connection;
mod exchange;
mod frame;
mod handshake;
mod load;
mod payload;
mod plan;
mod shake;
mod stream;
mod tally;
mod train;

use std::error::Error;
use std::io::{self, BufRead, ErrorKind, Read};
use std::process::ExitCode;

use handshake::Dial;
use plan::{Mode, Plan};
use stream::Tls;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = Plan::from_arguments(std::env::args().skip(1)).and_then(|plan| match plan.mode {
        Mode::Shake => shake_hands(&plan),
        Mode::Idle => idle(&plan),
        Mode::Latency => exchange::latency(&plan),
        Mode::Echo | Mode::Receive | Mode::Told | Mode::Sink => exchange::throughput(&plan),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The runner is gone, or has seen enough.
        Err(error) if error.is::<Dismissed>() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn shake_hands(plan: &Plan) -> Outcome {
    let dial = dial(plan)?;
    shake::shake(&dial, plan.warm_up, plan.connections, plan.spin)?;
    ready()?;
    shake::shake(&dial, plan.messages, plan.connections, plan.spin)?;
    report(&format!(r#""messages":{}"#, plan.messages))
}

fn idle(plan: &Plan) -> Outcome {
    let dial = dial(plan)?;
    let open = |count| {
        (0..count)
            .map(|_| dial.connect())
            .collect::<io::Result<Vec<_>>>()
    };
    drop(open(plan.warm_up)?);
    ready()?;
    let connections = open(plan.messages)?;
    report(&format!(r#""messages":{}"#, connections.len()))
}

/// Who to connect to.
fn dial(plan: &Plan) -> Result<Dial, Box<dyn Error>> {
    let tls = if plan.tls { Some(Tls::new()?) } else { None };
    Ok(Dial {
        address: plan.address,
        tls,
        deflate: plan.deflate,
    })
}

/// Says that the warm-up is over, and waits for the runner to have made its mark.
fn ready() -> Outcome {
    println!(r#"{{"ready":true}}"#);
    if io::stdin().lock().read_line(&mut String::new())? == 0 {
        return Err(Dismissed.into());
    }
    Ok(())
}

/// Says what was done, and waits for the end: the caller holds its connections.
fn report(fields: &str) -> Outcome {
    println!("{{{fields}}}");
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The runner has ended the input before the measurement.
#[derive(Debug)]
struct Dismissed;

impl std::fmt::Display for Dismissed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no longer needed")
    }
}

impl Error for Dismissed {}

fn failure(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}
