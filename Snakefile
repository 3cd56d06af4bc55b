"""The way in for those who look here: the workflow is workflow/Snakefile."""

# As `include:` does, which would forget that file's default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
