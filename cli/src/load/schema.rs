//! The table: made when it is absent, matched when it is there, left alone when it holds rows.

use anyhow::{Result, anyhow, bail};
use rusqlite::{Connection, OptionalExtension};

use super::kind::Kind;
use super::layout::Layout;
use super::name::{fault, folded, quoted};
use super::sample::Sample;
use crate::args::LoadArgs;

/// A table as it was found.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    args: &'a LoadArgs,
    /// None when there is no such table.
    columns: Option<Vec<Column>>,
    /// Whether it held rows before us.
    pub(crate) had_rows: bool,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Kind,
    /// Computed by SQLite; nothing can be inserted.
    generated: bool,
}

/// How rows are inserted.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) insert: String,
    /// One per value of the insert.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) created: bool,
}

impl<'a> Table<'a> {
    /// Looks the table up and refuses early what must not go on.
    pub(crate) fn find(args: &'a LoadArgs) -> Result<Self> {
        let (target, name) = (&args.into, &args.table);
        if let Some(fault) = fault(name) {
            bail!("the name of the table {fault}");
        }
        // Looking must not make an empty database file.
        let connection = target.path.exists().then(|| target.open(args.busy_timeout, false)).transpose()?;
        let found = connection.as_ref().map(|connection| look(connection, name));
        let found = found.transpose().map_err(|error| target.failed("cannot look at", &error))?;
        let Found { kind, columns, had_rows } = found.unwrap_or_default();
        match kind.as_deref() {
            None if args.no_create => {
                bail!("there is no table {} in {target}, and --no-create is given", quoted(name))
            }
            Some("table") if args.create => {
                bail!("there is a table {} in {target}, and --create is given", quoted(name))
            }
            Some("table") | None => {}
            Some(other) => bail!("{} in {target} is a {other}, not a table", quoted(name)),
        }
        if had_rows && !args.append {
            bail!("the table {} in {target} has rows already: give --append to add to them", quoted(name));
        }
        Ok(Self { args, columns: kind.map(|_| columns), had_rows })
    }

    pub(crate) fn is_there(&self) -> bool {
        self.columns.is_some()
    }

    /// Makes or matches the table. No plan when there is nothing to load.
    pub(crate) fn ready(&self, layout: &Layout, sample: &Sample) -> Result<Option<Plan>> {
        let kinds = match &self.columns {
            Some(columns) => matched(columns, &layout.names).map_err(|fault| self.unfit(&fault))?,
            None => sample.kinds(),
        };
        if sample.lines.is_empty() {
            return Ok(None);
        }
        if layout.names.is_empty() {
            bail!("the first lines of the input have no keys, so there are no columns");
        }
        let plan = Plan { insert: self.insert(&layout.names), kinds, created: self.columns.is_none() };
        let target = &self.args.into;
        let connection = target.open(self.args.busy_timeout, true)?;
        if plan.created {
            let create = self.create(&layout.names, &plan.kinds);
            connection
                .execute_batch(&create)
                .map_err(|error| target.failed("cannot create the table in", &error))?;
        }
        // What can not be prepared now fails before the first row, not at it.
        connection.prepare(&plan.insert).map_err(|error| target.failed("cannot insert into", &error))?;
        Ok(Some(plan))
    }

    fn unfit(&self, fault: &str) -> anyhow::Error {
        anyhow!(
            "the input does not match the table {} in {}: {fault}",
            quoted(&self.args.table),
            self.args.into
        )
    }

    fn create(&self, names: &[String], kinds: &[Kind]) -> String {
        let column = |(name, kind): (&String, &Kind)| format!("{} {}", quoted(name), kind.sql());
        let columns: Vec<String> = names.iter().zip(kinds).map(column).collect();
        format!("CREATE TABLE {} ({})", quoted(&self.args.table), columns.join(", "))
    }

    fn insert(&self, names: &[String]) -> String {
        let columns: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let values: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
        let table = quoted(&self.args.table);
        format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), values.join(", "))
    }
}

#[derive(Debug, Default)]
struct Found {
    /// `table`, `view` or nothing.
    kind: Option<String>,
    columns: Vec<Column>,
    had_rows: bool,
}

fn look(connection: &Connection, name: &str) -> rusqlite::Result<Found> {
    let sql = "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')";
    let kind: Option<String> = connection.query_row(sql, [name], |row| row.get(0)).optional()?;
    if kind.as_deref() != Some("table") {
        return Ok(Found { kind, ..Found::default() });
    }
    let any = format!("SELECT EXISTS (SELECT 1 FROM {})", quoted(name));
    let had_rows = connection.query_row(&any, [], |row| row.get(0))?;
    Ok(Found { kind, columns: columns(connection, name)?, had_rows })
}

fn columns(connection: &Connection, name: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare("SELECT name, type, hidden FROM pragma_table_xinfo(?1)")?;
    let columns = statement.query_map([name], |row| {
        let (name, declared, hidden): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Column { name, kind: Kind::declared(&declared), generated: hidden >= 2 })
    })?;
    columns.collect()
}

/// The types of the input's columns, or which of them the table has not.
fn matched(columns: &[Column], names: &[String]) -> Result<Vec<Kind>, String> {
    let find = |name: &String| columns.iter().find(|column| folded(&column.name) == folded(name));
    let quoted_list =
        |names: Vec<&String>| names.into_iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let missing: Vec<&String> = names.iter().filter(|name| find(name).is_none()).collect();
    if !missing.is_empty() {
        let there = quoted_list(columns.iter().map(|column| &column.name).collect());
        return Err(format!("it has no column {}; its columns are {there}", quoted_list(missing)));
    }
    let generated: Vec<&String> =
        names.iter().filter(|name| find(name).is_some_and(|c| c.generated)).collect();
    if !generated.is_empty() {
        return Err(format!("nothing can be inserted into the generated column {}", quoted_list(generated)));
    }
    Ok(names.iter().filter_map(find).map(|column| column.kind).collect())
}
