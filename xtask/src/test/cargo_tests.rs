//! Tests that cargo runs: the command, what must hold before it runs, and how filters reach it.

use super::model::Model;
use super::outcome::Outcome;
use super::tee::run_and_count;
use crate::workspace::root;
use std::process::{Command, Stdio};

/// A cargo command, as data.
#[derive(Debug)]
pub(crate) struct CargoTests {
    /// What comes after `cargo`.
    pub(crate) args: &'static [&'static str],
    /// The word by which this step chooses its tests, if not all of them are meant for it.
    pub(crate) selection: Option<&'static str>,
    pub(crate) model: Option<Model>,
    /// A question that must be answered with success, and what to say if it is not: the step is then skipped.
    pub(crate) needs: Option<Need>,
}

/// Something that not every machine has.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) question: &'static [&'static str],
    pub(crate) advice: &'static str,
}

impl CargoTests {
    /// All tests of this command.
    pub(crate) const fn all(args: &'static [&'static str]) -> CargoTests {
        CargoTests { args, selection: None, model: None, needs: None }
    }

    /// Runs the command, or says why not.
    pub(crate) fn run(&self, filters: &[String]) -> Outcome {
        if let Some(outcome) = self.reason_to_skip(filters) {
            return outcome;
        }
        let command = self.command(filters);
        println!("$ {}", shown(&command));
        match run_and_count(command) {
            Ok((success, count)) => Outcome::judge(success, count, !filters.is_empty()),
            Err(error) => Outcome::judge_error(&error),
        }
    }

    fn reason_to_skip(&self, filters: &[String]) -> Option<Outcome> {
        if !filters.is_empty() && self.selected(filters).is_empty() {
            return Some(Outcome::Unmatched);
        }
        let need = self.needs.as_ref().filter(|need| !answers(need.question))?;
        let question = need.question.join(" ");
        Some(Outcome::Skipped(format!("`cargo {question}` does not answer; {}", need.advice)))
    }

    /// The filters for this step. Test programs join filters by OR, so a filter that does not contain the
    /// step's own word would run tests that were not made for it.
    fn selected<'a>(&'a self, filters: &'a [String]) -> Vec<&'a str> {
        match self.selection {
            Some(word) if filters.is_empty() => vec![word],
            Some(word) => filters.iter().map(String::as_str).filter(|filter| filter.contains(word)).collect(),
            None => filters.iter().map(String::as_str).collect(),
        }
    }

    fn command(&self, filters: &[String]) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(root()).args(self.args).arg("--").args(self.selected(filters));
        if let Some(model) = &self.model {
            model.apply(&mut command);
        }
        command
    }
}

/// The command as a person would type it at the root of the repository.
fn shown(command: &Command) -> String {
    let root = format!("{}/", root().display());
    let env = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_string_lossy(), value?.to_string_lossy())));
    let mut text: String =
        env.map(|(name, value)| format!("{name}=\"{}\" ", value.replace(&root, ""))).collect();
    text.push_str(&command.get_program().to_string_lossy());
    command.get_args().for_each(|arg| text.extend([" ", &arg.to_string_lossy()]));
    text
}

fn answers(question: &[&str]) -> bool {
    let mut command = Command::new("cargo");
    command.args(question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: CargoTests = CargoTests::all(&["test"]);
    const CHOOSY: CargoTests = CargoTests { selection: Some("models"), ..PLAIN };

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn arguments(tests: &CargoTests, filters: &[String]) -> Vec<String> {
        tests.command(filters).get_args().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_choosy_step_never_widens_its_choice() {
        assert_eq!(arguments(&CHOOSY, &[]), ["test", "--", "models"]);
        assert_eq!(arguments(&CHOOSY, &words(&["slab", "models::slab"])), ["test", "--", "models::slab"]);
        assert_eq!(CHOOSY.reason_to_skip(&words(&["slab"])), Some(Outcome::Unmatched));
        assert!(CHOOSY.reason_to_skip(&[]).is_none());
    }

    #[test]
    fn a_plain_step_takes_every_filter() {
        assert_eq!(arguments(&PLAIN, &words(&["a", "b"])), ["test", "--", "a", "b"]);
        assert!(PLAIN.reason_to_skip(&words(&["a"])).is_none());
    }

    #[test]
    fn a_missing_tool_skips_with_advice() {
        let needs = Some(Need { question: &["no-such-command"], advice: "install it" });
        let Some(Outcome::Skipped(why)) = (CargoTests { needs, ..PLAIN }).reason_to_skip(&[]) else {
            panic!("not skipped")
        };
        assert!(why.contains("install it"), "{why}");
    }

    #[test]
    fn a_shown_command_can_be_typed() {
        let model = Model { cfg: "some_cfg", target_dir: "target-some", default_env: &[] };
        let text = shown(&CargoTests { model: Some(model), ..CHOOSY }.command(&[]));
        assert!(text.contains("CARGO_TARGET_DIR=\"target-some\" "), "{text}");
        assert!(text.ends_with("--cfg some_cfg\" cargo test -- models"), "{text}");
    }
}
