//! Many rows by their keys, some dozens with each question.

use super::{Connection, Parameter, Result, Row, Value};

/// So many keys are asked for at a time.
const MANY: usize = 64;

impl Connection<'_> {
    /// Reads the rows whose key is among these; `sql` has `IN (KEYS)` for it, and its other values are numbered from 65.
    /// A key that is asked for again in other company may be answered again.
    pub(crate) fn each_of<K: Parameter>(
        &self,
        sql: &str,
        keys: &[K],
        others: &[&dyn Parameter],
        mut read: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let places: Vec<String> = (1..=MANY).map(|place| format!("?{place}")).collect();
        let mut find = self.prepare_cached(&sql.replace("KEYS", &places.join(", ")))?;
        for some in keys.chunks(MANY) {
            // A statement for any number of keys: the last one fills it up.
            let filled = some.iter().chain(some.last().into_iter().cycle()).take(MANY);
            let values: Vec<Value<'_>> = filled.map(Parameter::value).chain(others.iter().map(|v| v.value())).collect();
            let mut rows = find.query(values.as_slice())?;
            while let Some(row) = rows.next()? {
                read(&row)?;
            }
        }
        Ok(())
    }
}
