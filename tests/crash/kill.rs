//! SIGKILL at any moment: a child process acknowledges what it has done; the parent kills it, opens
//! what it left, and compares that with what was acknowledged.

#[cfg(feature = "encrypt")]
mod encryption;
mod maintenance;
mod tables;
mod writes;
