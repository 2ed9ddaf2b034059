//! A keeper as a program of its own, for the tests: `keeper DIR`.

fn main() -> std::process::ExitCode {
    let dir = std::env::args_os().nth(1).expect("usage: keeper DIR");
    keeper::run(dir.as_ref())
}
