//! Measures the raw engine against the least work that could do the same job.
//!
//! `cargo run --release -p emdb-bench [-- --records N | --smoke]`
//!
//! Every phase runs in interleaved rounds, ours and the limit in turn, so that a machine whose
//! speed drifts drifts for both; the table gives medians and their ratio. The files lie in the
//! system's temporary folder (`TMPDIR` names another), which should be on a real disk.
//!
//! With `--features peers`, `--all` compares with other databases instead and writes
//! `docs/benchmarks.md`, of bytes and of rows; `--peers` and `--typed` do the one or the other and
//! write nothing. `--encrypted` compares a plain database with encrypted ones. `--matrix` shows how costs grow
//! with threads, values and records (see [`matrix`]). `--instructions` counts those of the hot paths, with valgrind, and can compare them with a table (see
//! [`instructions`]).

mod encrypted;
mod engine;
mod instructions;
mod limit;
mod matrix;
#[cfg_attr(not(feature = "light-peers"), path = "peers/disabled.rs")]
mod peers;
mod row;
mod workload;

use std::process::ExitCode;

use workload::{Phase, Workload};

const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| ["--all", "--peers", "--typed"].contains(&arg.as_str())) {
        return exit_code(peers::run(&args));
    }
    if args.iter().any(|arg| arg == "--matrix") {
        return exit_code(matrix::run(&args));
    }
    if args.iter().any(|arg| arg == "--instructions") {
        return exit_code(instructions::run(&args));
    }
    let encrypted = args.iter().any(|arg| arg == "--encrypted");
    let mut args = args.into_iter().filter(|arg| arg != "--encrypted");
    let mut records = 1_000_000;
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--smoke", None) => records = 20_000,
            ("--records", Some(n)) if n.parse::<usize>().is_ok_and(|n| n >= 1_000) => {
                records = n.parse().unwrap_or(records);
            }
            _ => {
                eprintln!(
                    "usage: emdb-bench [--encrypted] [--smoke | --records N | --all ... | --peers ... | --typed ... | --matrix ... | --instructions ...]   (N from 1000)"
                );
                return ExitCode::from(2);
            }
        }
    }
    if encrypted {
        return exit_code(encrypted::run(records));
    }
    exit_code(run(&Workload::new(records)))
}

fn exit_code<E: std::fmt::Display>(outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("emdb-bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(workload: &Workload) -> Result<(), Box<dyn std::error::Error>> {
    let mut ours = vec![Vec::new(); Phase::ALL.len()];
    let mut limits = vec![Vec::new(); Phase::ALL.len()];
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        let folder = std::env::temp_dir().join(format!("emdb-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let measured = engine::measure(workload, &folder)
            .and_then(|engine| limit::measure(workload, &folder).map(|limit| (engine, limit)));
        std::fs::remove_dir_all(&folder)?;
        let (engine, limit) = measured?;
        for (phase, (engine, limit)) in engine.into_iter().zip(limit).enumerate() {
            ours[phase].push(engine);
            limits[phase].push(limit);
        }
    }
    println!("{} records, 24-byte keys, 150-byte values", workload.records.len());
    println!("{:<40} {:>12} {:>12} {:>8}", "ns an operation", "emdb", "limit", "ratio");
    for (i, phase) in Phase::ALL.iter().enumerate() {
        let (ours, limit) = (median(&mut ours[i]), median(&mut limits[i]));
        println!("{:<40} {ours:>12.1} {limit:>12.1} {:>8.2}", phase.name(), ours / limit);
    }
    Ok(())
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
