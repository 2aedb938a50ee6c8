//! The search for a member in the shapes of a type.

use crate::schema::{Container, Kind, Schema, Shape, container};

/// The search for a place.
#[derive(Debug)]
pub struct Locate {
    /// The shapes in front of the member.
    pub(super) before: Vec<&'static Shape>,
    pub(super) types: &'static [Container],
    /// The members of the value that was entered.
    members: Vec<&'static Shape>,
    /// The member that was passed to.
    at: Option<&'static Shape>,
}

impl Locate {
    pub(super) fn of(schema: &'static Schema) -> Self {
        let members = schema.fields.iter().map(|field| &field.shape).collect();
        Locate { before: Vec::new(), types: &schema.types, members, at: None }
    }

    /// Passes over the members before this one, of so many.
    pub(super) fn pass(&mut self, position: usize, members: usize) -> Option<()> {
        if self.members.len() != members {
            return None;
        }
        self.at = Some(self.members.get(position).copied()?);
        self.before.extend(&self.members[..position]);
        Some(())
    }

    /// Enters the member, which is a struct.
    pub(super) fn enter(&mut self) -> Option<()> {
        let Some(Shape::Named(at)) = self.at else { return None };
        match &container(self.types, *at)?.kind {
            Kind::Struct(parts) => self.members = parts.shapes(),
            Kind::Enum(_) => return None,
        }
        Some(())
    }
}
