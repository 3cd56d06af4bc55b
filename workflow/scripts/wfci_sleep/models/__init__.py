"""The networks, in Keras 3.

- `registry.build_network` builds the kind that `model.kind` names; `KINDS` lists them.
- `cnn_bilstm` builds the CNN-BiLSTM out of `encoder` (the CNN of one frame) and `attention` (over space and
  over time); `size` counts its parameters and operations.
- `mvg_cnn` builds the MVG-CNN; `mvg_size` knows its parcels and counts the same.
- `weights.load_weights` puts given weights into a network.
- `saving.load_network` loads a trained network of any kind.
- `cards.network_card` reads what a network was trained on from its file.

`registry`, `size`, `mvg_size` and `cards` don't import Keras, `weights` only when it loads them.
"""
