"""The shop's types and business rules: values, decisions and errors, without input or output."""
