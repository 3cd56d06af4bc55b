"""From a recording to shards of windows.

- `checks.check_recording` reads a recording once (`survey`), judges it (`quality`) and says which epochs are used.
- `normalisation.normalise` and `windows.Windowing` turn an epoch's frames into a window.
- `windowings` names window settings and holds a window's geometry (`n_frames`, `lead_frames`, `frame_shape`).
- `cutting.cut_recording` writes all windows of a recording.
"""
