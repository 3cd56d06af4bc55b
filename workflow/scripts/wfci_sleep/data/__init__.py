"""Where recordings come from, and how they are read.

- `recordings.Recording` is what every format offers: epochs, scores, mask, frames. `formats.READERS` lists the formats
  and `formats.open_recording` opens a file; `matlab_recordings` is the reader of MATLAB files. A new format is one
  module with a subclass of `Recording` and a row in `READERS`.
- `atlas.load_atlas` reads the parcels and the brain mask.
- `physionet.index_database` and `folders.local_recordings` list recordings; `listing` and `names` hold the rules for
  their names, `exclusions` those for leaving some out; `download.Client` fetches files, `addresses` hides logins.
- `synthetic.synthesise_recording` and `synthesise_atlas` make data for tests and the demo.
- `matlab`, `matv5`, `mat73` and `hdf5_chunks` read and write MATLAB files.
"""
