//! The error by which a row is refused.

use std::fmt;

/// An error of the function that `validate` names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the error of `validate`",
    label = "refuses a row with a `{Self}`",
    note = "it can be whatever is `std::fmt::Display`: a `String`, say"
)]
pub trait ValidateError {
    /// The reason that the program is told.
    fn reason(self) -> String;
}

#[diagnostic::do_not_recommend]
impl<E: fmt::Display> ValidateError for E {
    fn reason(self) -> String {
        self.to_string()
    }
}
