//! Stands in for the comparison when it is not compiled in.

pub fn run(_args: &[String]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("the other engines are not compiled in: add --features peers".into())
}
