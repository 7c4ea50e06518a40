"""The words of the shop: values, decisions and errors, without any input or output."""
