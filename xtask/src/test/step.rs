//! One step of the test run: a cargo command, what must hold before it runs, and how its end is judged.

use super::count::Count;
use super::model::Model;
use super::tee::run_and_count;
use crate::workspace::root;
use std::process::{Command, Stdio};

/// A step, as data: steps.rs is the list.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    /// What comes after `cargo`.
    pub(crate) cargo: &'static [&'static str],
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

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed(Count),
    /// The filters left nothing to do: nobody needs to worry.
    Unmatched,
    /// Something is missing on this machine: somebody should know.
    Skipped(String),
    Failed(Count, String),
}

impl Step {
    /// Runs the step, or says why not.
    pub(crate) fn run(&self, filters: &[String]) -> Outcome {
        if let Some(outcome) = self.reason_to_skip(filters) {
            return outcome;
        }
        let command = self.command(filters);
        println!("$ {}", shown(&command));
        match run_and_count(command) {
            Ok((success, count)) => judge(success, count, !filters.is_empty()),
            Err(error) => Outcome::Failed(Count::default(), format!("{error:#}")),
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
        command.current_dir(root()).args(self.cargo).arg("--").args(self.selected(filters));
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

/// A step that ran nothing proves nothing: green with zero tests is a failure, unless a filter explains it.
fn judge(success: bool, count: Count, filtered: bool) -> Outcome {
    match (success, count.executed()) {
        (true, 0) if filtered => Outcome::Unmatched,
        (true, 0) => Outcome::Failed(count, "no test ran: were the tests renamed or compiled out?".into()),
        (true, _) => Outcome::Passed(count),
        (false, _) if count.failed > 0 => {
            Outcome::Failed(count, format!("{} failing, named above", count.failed))
        }
        (false, _) => Outcome::Failed(count, "it did not build, or a test program died; see above".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Step =
        Step { name: "s", purpose: "p", cargo: &["test"], selection: None, model: None, needs: None };
    const CHOOSY: Step = Step { selection: Some("models"), ..PLAIN };

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn arguments(step: &Step, filters: &[String]) -> Vec<String> {
        step.command(filters).get_args().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn zero_tests_fail_unless_a_filter_explains_it() {
        assert!(matches!(judge(true, Count::default(), false), Outcome::Failed(..)));
        assert_eq!(judge(true, Count::default(), true), Outcome::Unmatched);
    }

    #[test]
    fn a_failed_command_fails_whatever_it_counted() {
        let count = Count { passed: 9, failed: 0, ignored: 0 };
        assert!(matches!(judge(false, count, false), Outcome::Failed(..)));
        assert_eq!(judge(true, count, false), Outcome::Passed(count));
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
        let step =
            Step { needs: Some(Need { question: &["no-such-command"], advice: "install it" }), ..PLAIN };
        let Some(Outcome::Skipped(why)) = step.reason_to_skip(&[]) else { panic!("not skipped") };
        assert!(why.contains("install it"), "{why}");
    }

    #[test]
    fn a_shown_command_can_be_typed() {
        let model = Model { cfg: "some_cfg", target_dir: "target-some", default_env: &[] };
        let text = shown(&Step { model: Some(model), ..CHOOSY }.command(&[]));
        assert!(text.contains("CARGO_TARGET_DIR=\"target-some\" "), "{text}");
        assert!(text.ends_with("--cfg some_cfg\" cargo test -- models"), "{text}");
    }
}
