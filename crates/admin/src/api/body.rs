//! What comes along with a request.

use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::Call;
use crate::problem::Problem;

impl Call<'_> {
    /// The body as JSON of this kind.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let kind = self.asked.header(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let told = "The body is to be JSON, and to say so: `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
        }
        // What serde says names keys and kinds of values; passwords are among the values.
        serde_json::from_slice(self.asked.body()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = if error.is_data() { "not what is taken here" } else { "no JSON" };
            Problem::bad(format!(
                "The body is {what} (line {line}, column {column}); /api/v1/openapi.json says what is"
            ))
        })
    }
}
