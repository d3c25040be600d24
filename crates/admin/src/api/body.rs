//! What comes along with a request.

use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

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
        let told = |what: &str| Problem::bad(format!("The body is {what}; /api/v1/openapi.json says what is taken"));
        let body: Value = serde_json::from_slice(self.asked.body())
            .map_err(|error| told(&format!("no JSON (line {}, column {})", error.line(), error.column())))?;
        // What is derived would take a list of values for an object.
        if !body.is_object() {
            return Err(told("no object"));
        }
        // What serde says of a value may show it, and passwords are among the values.
        serde_json::from_value(body).map_err(|_| told("an object with keys or values that are not taken here"))
    }
}
