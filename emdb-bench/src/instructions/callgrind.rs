//! This program under callgrind.

use std::process::Command;

use super::Outcome;

/// Fails with advice where valgrind is missing.
pub(super) fn find() -> Outcome<()> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(answer) if answer.status.success() => Ok(()),
        _ => {
            Err("counting instructions needs valgrind: install it (apt-get install valgrind) and \
                  see that it is in the PATH"
                .into())
        }
    }
}

/// The instructions of `measured_work` in a run of the path `name`.
pub(super) fn count(name: &str) -> Outcome<u64> {
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*measured_work*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(std::env::current_exe()?)
        .args(["--instructions", "--path", name])
        .output()?;
    let said = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        return Err(format!("{name} failed under valgrind:\n{said}").into());
    }
    // ==4711== Collected : 123456789
    let collected = said.lines().filter_map(|line| line.split_once("Collected :")).next_back();
    let instructions = collected.and_then(|(_, count)| count.trim().parse().ok()).unwrap_or(0);
    if instructions == 0 {
        return Err(format!(
            "callgrind counted nothing in {name}: was the program stripped of its symbols?\n{said}"
        )
        .into());
    }
    Ok(instructions)
}
