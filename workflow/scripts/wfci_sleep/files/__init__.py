"""How files are written and read: atomically, with checksums that show damage, and with errors for a full disk.

- `atomic.written_atomically`, `write_table` and `read_json` for the workflow's files; `check_file`, `check_sha256` for
  those of others.
- `arrays.write_arrays` and `read_arrays` keep arrays in HDF5; `hdf5` opens HDF5 files of others.
- `shard_writing.ShardWriter` writes windows as TFRecords.
- `disk.check_room` and `full_disk` deal with full disks.
"""
