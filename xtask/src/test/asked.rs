//! What of the plan is asked for: steps of our own by their names, cargo's tests by parts of theirs.

/// The filters of a request, told apart.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Names of steps.
    pub(crate) steps: Vec<String>,
    /// Parts of test names.
    pub(crate) filters: Vec<String>,
}

impl Asked {
    /// A filter that is the name of such a step means that step, and not tests with that word in their names.
    pub(crate) fn of(filters: Vec<String>, own_steps: &[&str]) -> Asked {
        let (steps, filters) = filters.into_iter().partition(|filter| own_steps.contains(&filter.as_str()));
        Asked { steps, filters }
    }

    /// True if nothing was left out.
    pub(crate) fn is_all(&self) -> bool {
        self.steps.is_empty() && self.filters.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_name_means_a_step() {
        let asked = Asked::of(["dist", "distance", "slab"].map(String::from).to_vec(), &["dist", "go"]);
        assert_eq!(
            (asked.steps, asked.filters),
            (vec!["dist".into()], vec!["distance".into(), "slab".into()])
        );
        assert!(Asked::default().is_all());
    }
}
