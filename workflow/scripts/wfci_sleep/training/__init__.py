"""From shards to a trained network.

- `folds.make_folds` splits the scoring epochs, `fold_states` counts the states in each split.
- `shards.read_shard` and `read_windows` give windows as datasets, `batches` those of a fold, shuffled and augmented.
- `fit.train` trains; `checkpoint.TrainingState` lets a training that was killed go on.
- `losses`, `metrics` and `temperature` hold the losses, what is watched during training, and the calibration.
"""
