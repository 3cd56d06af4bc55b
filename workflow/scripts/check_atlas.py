"""Check the atlas that a run starts from and put a copy beside the run's other resources."""

from wfci_sleep.run.step import step

with step(snakemake):
    import shutil

    from wfci_sleep.data.atlas import load_atlas
    from wfci_sleep.files.atomic import check_sha256, written_atomically

    check_sha256(snakemake.input[0], snakemake.params.sha256)
    atlas = load_atlas(snakemake.input[0])
    print(f"{snakemake.input[0]}: {len(atlas.names)} parcels, {atlas.brain.sum()} pixels of brain")
    with written_atomically(snakemake.output[0]) as temporary:
        shutil.copyfile(snakemake.input[0], temporary)
