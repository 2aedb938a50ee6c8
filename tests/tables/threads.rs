//! Race tests.
