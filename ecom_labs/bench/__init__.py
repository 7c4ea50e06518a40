"""The engine behind `ecom bench`: the pipeline's ways side by side with the obvious ones."""
