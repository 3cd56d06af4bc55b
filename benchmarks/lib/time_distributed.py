"""The network as it was published (Zhang et al. 2024): every layer of the CNN wrapped in `TimeDistributed`."""


def build(keras, shape: tuple[int, int, int], filters: int, blocks: int = 5, units: int = 64):
    """Build and compile the network with Keras 3 or with the legacy package tf_keras.

    Parameters
    ----------
    keras : module
        `keras` or `tf_keras`.
    shape : (T, rows, columns)
    filters : int
        Of each convolution.
    """
    layers = keras.layers
    slope = {"alpha": 0.3} if keras.__name__ == "tf_keras" else {"negative_slope": 0.3}
    frames = keras.Input((*shape, 1))
    maps = frames
    for block in range(blocks):
        for _ in range(2):
            maps = layers.TimeDistributed(layers.Conv2D(filters, 3, padding="same"))(maps)
            maps = layers.TimeDistributed(layers.LeakyReLU(**slope))(maps)
        last = block == blocks - 1
        pooling = layers.GlobalAveragePooling2D() if last else layers.MaxPooling2D(2, padding="same")
        maps = layers.TimeDistributed(pooling)(maps)
    lstm = layers.LSTM(units, dropout=0.2, return_sequences=True, return_state=True)
    sequence, forward, _, backward, _ = layers.Bidirectional(lstm)(maps)
    states = layers.Concatenate()([forward, backward])
    query = layers.Reshape((1, 2 * units))(layers.Dense(2 * units, use_bias=False)(states))
    keys = layers.Dense(2 * units, use_bias=False)(sequence)
    context, weights = layers.AdditiveAttention()([query, sequence, keys], return_attention_scores=True)
    context = layers.Dropout(0.2)(layers.Flatten()(context))
    model = keras.Model(frames, layers.Dense(3, activation="softmax")(context))
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
