"""Attention layers, in Keras 3 alone so that any of its backends runs them."""

import keras
from keras import layers


@keras.saving.register_keras_serializable("wfci_sleep")
class TemporalAttention(layers.Layer):
    """Additive attention over time (Bahdanau et al. 2015) with a single query for the whole sequence.

    score(t) = sum(scale * tanh(W_q q + W_k x_t)); the weights are the softmax of the scores over t, the context is the
    mean of the sequence under these weights.

    Parameters
    ----------
    units : int
        Width of query and keys.

    Notes
    -----
    Called on `(query, sequence)` of shapes (batch, features) and (batch, T, channels); returns the context
    (batch, channels) and the weights (batch, T), which sum to 1 over T.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.query_projection = layers.Dense(units, use_bias=False, name="query")
        self.key_projection = layers.Dense(units, use_bias=False, name="key")
        self.additive_attention = layers.AdditiveAttention(name="additive")

    def build(self, input_shape):
        query_shape, sequence_shape = input_shape
        projected_query = (query_shape[0], 1, self.units)
        projected_keys = (*sequence_shape[:2], self.units)
        self.query_projection.build((query_shape[0], 1, query_shape[-1]))
        self.key_projection.build(sequence_shape)
        self.additive_attention.build([projected_query, sequence_shape, projected_keys])

    def call(self, inputs):
        query, sequence = inputs
        query = self.query_projection(keras.ops.expand_dims(query, 1))
        keys = self.key_projection(sequence)
        context, weights = self.additive_attention([query, sequence, keys], return_attention_scores=True)
        return keras.ops.squeeze(context, 1), keras.ops.squeeze(weights, 1)

    def compute_output_shape(self, input_shape):
        _, (batch, length, channels) = input_shape
        return (batch, channels), (batch, length)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
