//! Tables and rows: the schema, how it is applied, and the one path by which rows are read and written.
