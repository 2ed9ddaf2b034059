//! The JavaScript of the author: one QuickJS runtime per thread, the API it sees, and its limits.
