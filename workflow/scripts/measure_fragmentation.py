"""Count bouts and transitions of every mouse, measure its sleep, and compare the raters with each other."""

from wfci_sleep.run.step import step

with step(snakemake):
    from wfci_sleep.analysis.agreement import agreement_table
    from wfci_sleep.analysis.networks import read_networks
    from wfci_sleep.analysis.raters import read_raters
    from wfci_sleep.analysis.sessions import session_hypnograms
    from wfci_sleep.analysis.sleep_tables import fragmentation_tables, sleep_table
    from wfci_sleep.files.atomic import write_table
    from wfci_sleep.tables import read_table
    from wfci_sleep.tables.recordings import RECORDINGS

    params = snakemake.params
    recordings = read_table(snakemake.input.recordings, RECORDINGS)
    networks = read_networks(params.networks, snakemake.input.networks, params.classes, recordings)
    others = read_raters(params.scorers, snakemake.input.scorers, recordings, params.classes)
    hypnograms = session_hypnograms(networks, recordings, params.classes, others)
    fragmentation, bouts, transitions = fragmentation_tables(hypnograms)
    write_table(fragmentation, snakemake.output.fragmentation)
    write_table(bouts, snakemake.output.bouts)
    write_table(transitions, snakemake.output.transitions)
    write_table(sleep_table(hypnograms), snakemake.output.sleep)
    analysis = params.analysis
    agreement = agreement_table(hypnograms, analysis["bootstrap_resamples"], analysis["seed"])
    write_table(agreement, snakemake.output.agreement)
