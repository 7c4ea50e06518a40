"""The engine of `ecom bench`: compares the pipeline with the usual alternatives."""
