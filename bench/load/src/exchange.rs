//! The runs in which messages go over connections that stay open.

use std::error::Error;
use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::connection::{Expected, Rules, Task};
use crate::frame::{FIN, TEXT, push_frame};
use crate::handshake::accept;
use crate::load::Load;
use crate::payload::Noise;
use crate::plan::{Mode, Plan};
use crate::train::Train;
use crate::{Outcome, dial, ready, report};

/// As many messages as the plan says, as fast as they go.
pub fn throughput(plan: &Plan) -> Outcome {
    let rules = rules(plan);
    let mut load = connect(plan, &rules)?;
    run(&mut load, plan, plan.warm_up)?;
    ready()?;
    let bytes = load.bytes_read();
    let start = Instant::now();
    run(&mut load, plan, plan.messages)?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes = load.bytes_read() - bytes;
    let messages = plan.messages * load.len();
    report(&format!(
        r#""messages":{messages},"seconds":{seconds:.6},"bytes":{bytes}"#
    ))
}

/// Echoes at a given rate, and how long they took: from when they were due, so that a server that
/// keeps the load waiting is not spared the messages that were due meanwhile.
pub fn latency(plan: &Plan) -> Outcome {
    let rules = rules(plan);
    let mut load = connect(plan, &rules)?;
    load.run_paced(&times(plan.warm_up * plan.connections, plan.rate))?;
    ready()?;
    let mut latencies = load.run_paced(&times(plan.messages * plan.connections, plan.rate))?;
    latencies.sort_unstable();
    let percentile = |part: f64| {
        let index = (latencies.len() as f64 * part) as usize;
        latencies[index.min(latencies.len() - 1)].as_nanos() as f64 / 1000.0
    };
    let (p50, p99) = (percentile(0.5), percentile(0.99));
    report(&format!(
        r#""messages":{},"p50":{p50:.2},"p99":{p99:.2}"#,
        latencies.len()
    ))
}

/// When messages are due that come independently of each other (a Poisson process).
fn times(count: usize, rate: f64) -> Vec<Duration> {
    let mut noise = Noise::new();
    let mut at = 0.0;
    (0..count)
        .map(|_| {
            at -= noise.fraction().ln() / rate;
            Duration::from_secs_f64(at)
        })
        .collect()
}

fn rules(plan: &Plan) -> Rules {
    let echoes = matches!(plan.mode, Mode::Echo | Mode::Latency);
    let told = matches!(plan.mode, Mode::Told | Mode::Sink);
    Rules {
        train: Train::new(plan.shape(), plan.in_flight),
        window: if plan.mode == Mode::Echo {
            plan.in_flight as u64
        } else {
            u64::MAX
        },
        piece: plan.piece,
        first: if echoes {
            Expected::Echo(plan.deflate)
        } else {
            Expected::Any
        },
        size: ((echoes || told) && plan.deflate.is_none()).then_some(plan.size as u64),
    }
}

fn connect<'a>(plan: &Plan, rules: &'a Rules) -> Result<Load<'a>, Box<dyn Error>> {
    let count = 0..plan.connections;
    if plan.mode == Mode::Sink {
        let listener = TcpListener::bind(plan.address)?;
        println!(r#"{{"port":{}}}"#, listener.local_addr()?.port());
        return Ok(Load::new(
            count.map(|_| accept(&listener)),
            rules,
            plan.spin,
        )?);
    }
    let dial = dial(plan)?;
    Ok(Load::new(count.map(|_| dial.connect()), rules, plan.spin)?)
}

/// `messages` on every connection.
fn run(load: &mut Load, plan: &Plan, messages: usize) -> io::Result<()> {
    let messages = messages as u64;
    match plan.mode {
        Mode::Receive => {
            let task = Task {
                send: messages,
                then: said("!", true),
                expect: 1,
            };
            load.run(|_| task.clone())
        }
        Mode::Told => command(load, plan, messages, true),
        Mode::Sink => command(load, plan, messages, false),
        _ => load.run(|_| Task {
            send: messages,
            then: Vec::new(),
            expect: messages,
        }),
    }
}

/// Has the peer send them: a command says how many ticks it is to send for, or how many messages.
fn command(load: &mut Load, plan: &Plan, messages: u64, is_client: bool) -> io::Result<()> {
    let mut left = messages;
    while left > 0 {
        let expect = left.min(plan.command as u64);
        let command = said(&(expect / plan.burst as u64).to_string(), is_client);
        load.run(|index| {
            let then = if index == 0 || !is_client {
                command.clone()
            } else {
                Vec::new()
            };
            Task {
                send: 0,
                then,
                expect,
            }
        })?;
        left -= expect;
    }
    Ok(())
}

/// A short text message, masked by a client.
fn said(text: &str, is_client: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let key = is_client.then_some([0x12, 0x34, 0x56, 0x78]);
    push_frame(&mut bytes, FIN | TEXT, text.as_bytes(), key);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_the_rate_and_are_in_order() {
        let times = times(10_000, 5000.0);
        assert!(times.is_sorted());
        let seconds = times.last().map(Duration::as_secs_f64).unwrap();
        assert!((1.8..2.2).contains(&seconds));
    }
}
