//! Every command explains itself, with examples that are true.

use clap::Command;

/// Every command that a person can call, with its words.
fn walk(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let words = [words, &[sub.get_name().to_owned()]].concat();
        if sub.get_subcommands().next().is_none() {
            found.push((words.clone(), sub.clone()));
        }
        walk(sub, &words, found);
    }
}

fn commands() -> Vec<(Vec<String>, Command)> {
    let mut found = Vec::new();
    walk(&vclouden::cli::command(), &[], &mut found);
    found
}

/// Splits a line as a shell does, up to the first redirection.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '<' | '>' | '|') => break,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_has_examples_that_can_be_typed() {
    let all = commands();
    assert!(all.len() >= 35, "only {} commands were found", all.len());
    for (words, command) in all {
        let name = words.join(" ");
        assert!(command.get_about().is_some(), "{name} does not say what it does");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (examples, statuses) = help.split_once("\n\n").unwrap_or_else(|| panic!("{name} has no examples"));
        assert!(statuses.contains("Exit status: 0 done"), "{name} does not explain its exit status");
        let lines: Vec<&str> = examples.lines().skip(1).map(str::trim).collect();
        assert!(!lines.is_empty(), "{name} has no examples");
        for line in lines {
            let typed = shell_words(line.trim_start_matches("sudo "));
            assert_eq!(typed[0], "vclouden", "{line}");
            assert!(line.contains(&name) || line.contains("--json"), "the example of {name} is about another: {line}");
            if let Err(error) = vclouden::cli::command().try_get_matches_from(&typed) {
                panic!("the example `{line}` of {name} cannot be typed: {error}");
            }
        }
    }
}

#[test]
fn every_argument_is_explained() {
    for (words, command) in commands() {
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{}: {} is not explained", words.join(" "), argument.get_id());
        }
    }
}

#[test]
fn the_tree_is_sound() {
    vclouden::cli::command().debug_assert();
}

#[test]
fn every_route_of_the_api_can_be_reached_by_a_command() {
    let routes = plane::router::routes();
    let commands = plane::router::commands();
    let mut wrong = Vec::new();
    for (method, path) in routes.list() {
        let request = format!("{method} {path}");
        let command = commands.iter().find(|(one, _)| *one == request);
        let (_, command) = command.unwrap_or_else(|| panic!("{request} needs a line in web/openapi/cli.rs"));
        let typed = shell_words(&command.replace("ID", "0190f3a2-7c1e-7000-8000-000000000001"));
        if let Err(error) = vclouden::cli::command().try_get_matches_from(typed) {
            wrong.push(format!("`{command}`, for {request}, cannot be typed: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
