"""The tables of the report, from what the stages wrote: one module per section."""
