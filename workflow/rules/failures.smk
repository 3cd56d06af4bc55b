# What a failed run prints: a line for each job that failed, with its log, and what is missing.

import logging

from snakemake_interface_logger_plugins.common import LogEvent


def shortened(record):
    """Drop what Snakemake adds to a step's own line: the call of a temporary script, and the job's files."""
    event = getattr(record, "event", None)
    if event == LogEvent.ERROR and record.exception == "RuleException":
        # A step that stopped has printed why; one that was killed has not.
        return not record.getMessage().endswith("returned non-zero exit status 1.")
    if event == LogEvent.JOB_ERROR:
        record.input = record.output = []
        if record.rule_msg is None:
            record.msg = ""  # else Snakemake writes "message: None"
    return True


# Another workflow that imports this one as a module has jobs of its own.
if workflow.modifier.is_main_snakefile():
    logging.getLogger("snakemake.logging").addFilter(shortened)


def last_line(log):
    """The last line of a job's log, empty if there is none."""
    path = Path(log)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return lines[-1] if lines else ""


def failure_of(failed):
    """The last line of a failed job, or of each failed job of a group."""
    jobs = failed.jobs if failed.is_group() else [failed]
    logs = [str(log) for job in jobs for log in job.log]
    said = [f"{log}: {last_line(log)}" for log in logs if last_line(log).startswith("error: ")]
    found = " ".join(log for log in logs if os.path.exists(log)) or ", ".join(sorted({job.rule.name for job in jobs}))
    return said or [f"{found}: ended without saying why: killed, out of memory or time, or by what stands above"]


def say_what_failed():
    """After a failure, print the last line of each failed job, with its log."""
    lines = sorted(line for failed in workflow.scheduler.failed for line in failure_of(failed))
    if lines:
        print("What failed:", *lines, sep="\n  ", file=sys.stderr)


def missing_of(experiment):
    """Files that an experiment lacks, in the order in which they are made."""
    folds = [f"{RESULTS}/{experiment}/fold-{fold}" for fold in folds_of(experiment)]
    made = [f"{fold}/{name}" for name in ("model.keras", "predictions.tsv") for fold in folds]
    paths = [f"{RESULTS}/{experiment}/folds.tsv", *made, *of_experiment(experiment)]
    return [path for path in paths if not os.path.exists(path)]


def say_what_is_missing():
    """After a failure, print of each experiment that was begun whether it is complete, and the first missing file."""
    if DATASET["source"] == "physionet" and not os.path.exists(f"{RESOURCES}/index.tsv"):
        return
    begun = [name for name in EXPERIMENTS if os.path.exists(f"{RESULTS}/{name}")]
    for experiment in begun:
        missing = missing_of(experiment)
        files = f"{len(missing)} files are missing" if len(missing) > 1 else "a file is missing"
        found = f"incomplete, {files}, the first is {missing[0]}" if missing else "complete"
        print(f"Experiment {experiment}: {found}", file=sys.stderr)
    if begun:
        print(
            "Once the cause is mended, the same command makes what is missing; what is there is kept.", file=sys.stderr
        )
