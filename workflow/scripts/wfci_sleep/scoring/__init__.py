"""Scoring with trained networks: `predict` scores epochs, `grad_cam` explains the scores.

`predictions`, `explanations` and `examples` read and write the files of both, `calibration` measures how reliable the
probabilities are.
"""
